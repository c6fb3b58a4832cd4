-- NDVI of every field in every scene, over its clear pixels; only of chips that are new.
{{ config(materialized='incremental', unique_key=['field_id', 'id']) }}

WITH scenes AS (
    SELECT
        c.field_id,
        c.id,
        any_value(c.datetime) AS datetime,
        max(c.updated) AS updated,
        map(list(c.band), list(c)) AS bands
    FROM {{ ref('chips') }} AS c
    WHERE c.error IS NULL
    {%- if is_incremental() %}
      AND NOT EXISTS (
        FROM {{ this }} AS known
        WHERE known.field_id = c.field_id
          AND known.id = c.id
          AND known.updated IS NOT DISTINCT FROM c.updated
    )
    {%- endif %}
    GROUP BY c.field_id, c.id
    HAVING count(*) = {{ var('assets') | length }}
)

SELECT
    s.field_id,
    s.id,
    s.datetime,
    s.updated,
    RS_ZonalStatsAll(
        RS_NDVI(s.bands, mask := '{{ var("clear") }}'),
        f.geom
    ) AS ndvi
FROM scenes AS s
JOIN {{ ref('stg_fields') }} AS f USING (field_id)
