-- The index: one row per item and asset. Only headers of new or updated items are asked for, and of those that failed before.
{{ config(materialized='incremental', unique_key=['id', 'band'], on_schema_change='append_new_columns') }}

WITH wanted AS (
    SELECT
        s.id,
        s.collection,
        s.geometry,
        s.datetime,
        s.updated,
        s.cloud_cover,
        a.key AS band,
        a.value.href AS asset_href
    FROM {{ ref('stg_items') }} AS s,
         unnest(map_entries(s.assets)) AS u(a)
    WHERE a.key IN ({{ rasteret_texts(var('assets')) }})
),

unknown AS (
    SELECT w.*
    FROM wanted AS w
    {%- if is_incremental() %}
    WHERE NOT EXISTS (
        FROM {{ this }} AS known
        WHERE known.id = w.id
          AND known.band = w.band
          AND known.asset_href = w.asset_href
          AND known.updated IS NOT DISTINCT FROM w.updated
          AND known.error IS NULL
    )
    {%- endif %}
)

SELECT
    w.*,
    h.*
FROM unknown AS w,
     cog_header(w.asset_href) AS h
