-- The pixels of every field in every scene and band. Only what is new in the index is read, and what failed before.
{{ config(materialized='incremental', unique_key=['field_id', 'id', 'band']) }}

WITH unread AS (
    SELECT
        f.field_id,
        f.geom,
        i
    FROM {{ ref('scene_index') }} AS i
    JOIN {{ ref('stg_fields') }} AS f ON coalesce(i.geometry, i.footprint) && f.geom
    WHERE i.error IS NULL
    {%- if is_incremental() %}
      AND NOT EXISTS (
        FROM {{ this }} AS known
        WHERE known.field_id = f.field_id
          AND known.id = i.id
          AND known.band = i.band
          AND known.href = i.href
          AND known.updated IS NOT DISTINCT FROM i.updated
          AND known.error IS NULL
    )
    {%- endif %}
)

SELECT
    r.field_id,
    r.i.id,
    r.i.datetime,
    r.i.updated,
    r.i.band,
    c.*
FROM unread AS r,
     read_cog(r.i, r.geom, on_error := 'null') AS c
