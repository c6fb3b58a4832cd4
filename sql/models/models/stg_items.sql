-- Tonight's answer of the catalogue. The only model that searches.
SELECT
    id,
    collection,
    geometry,
    datetime,
    coalesce(updated, created, datetime) AS updated,
    cloud_cover,
    platform,
    assets
FROM {{ source('eo', 'items') }}
