{#- 'red', 'nir' of ['red', 'nir']. -#}
{% macro rasteret_texts(values) -%}
{% for value in values %}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- Keep what this run sent over the wire, in the table rasteret_log. -#}
{% macro rasteret_keep_requests() -%}
CREATE TABLE IF NOT EXISTS {{ target.schema }}.rasteret_log AS
SELECT '' AS invocation_id, * FROM rasteret_requests() LIMIT 0;

INSERT INTO {{ target.schema }}.rasteret_log
SELECT '{{ invocation_id }}', * FROM rasteret_requests();
{%- endmacro %}
