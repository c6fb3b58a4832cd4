-- The pixels of every field in every scene and band. Only what is new in the index is read, and what failed before.
{{ config(materialized='incremental', unique_key=['field_id', 'id', 'band']) }}

WITH scenes AS (
    SELECT
        *,
        coalesce(geometry, footprint) AS outline
    FROM {{ ref('scene_index') }}
    WHERE error IS NULL
),

fields AS (
    SELECT
        field_id,
        geom AS area
    FROM {{ ref('stg_fields') }}
),

-- read_pairs looks up each different outline once; a lateral read takes the pairs that are left
unread AS (
    SELECT p
    FROM read_pairs('scenes', 'fields', geom := 'area', footprint := 'outline') AS p
    {%- if is_incremental() %}
    WHERE NOT EXISTS (
        FROM {{ this }} AS known
        WHERE known.field_id = p.field_id
          AND known.id = p.id
          AND known.band = p.band
          AND known.href = p.href
          AND known.updated IS NOT DISTINCT FROM p.updated
          AND known.error IS NULL
    )
    {%- endif %}
)

SELECT
    u.p.field_id,
    u.p.id,
    u.p.datetime,
    u.p.updated,
    u.p.band,
    c.*
FROM unread AS u,
     read_cog(u.p, u.p.area, on_error := 'null') AS c
