{#- Generic data tests for an index, or for what is read with it. A test fails when its query has rows. -#}

{#- No row has an error: every header, or every chip, could be read. -#}
{% test rasteret_no_errors(model, key='href') %}
SELECT
    {{ key }},
    error
FROM {{ model }}
WHERE error IS NOT NULL
{% endtest %}

{#- Every area is touched by the bounds of at least so many scenes. -#}
{% test rasteret_covers(model, areas, geometry='geom', footprint='geometry', scene='id', at_least=1) %}
SELECT
    a.{{ geometry }},
    count(DISTINCT i.{{ scene }}) AS scenes
FROM {{ areas }} AS a
LEFT JOIN {{ model }} AS i ON i.{{ footprint }} && a.{{ geometry }}
GROUP BY a.{{ geometry }}
HAVING count(DISTINCT i.{{ scene }}) < {{ at_least }}
{% endtest %}

{#- The newest scene is no older than so many days, counted back from a moment; an index without scenes has none. -#}
{% test rasteret_newest_within(model, days, as_of='now', datetime='datetime') %}
SELECT max({{ datetime }}) AS newest
FROM {{ model }}
HAVING newest IS NULL
    OR newest < {{ 'now()' if as_of == 'now' else "'" ~ as_of ~ "'::TIMESTAMP WITH TIME ZONE" }} - to_days({{ days }})
{% endtest %}
