-- Keep an index up to date: read the headers of what is new, changed or failed, and of nothing else.
CREATE OR REPLACE TABLE nightly AS
FROM cog_index('demo', assets := ['red', 'nir'], datetime := '2024-04-01/2024-05-31');

-- What the catalogue has today, one row per asset: one search, no header.
CREATE OR REPLACE TEMP TABLE today AS
SELECT
    s.id,
    s.collection,
    s.geometry,
    s.datetime,
    s.updated,
    s.cloud_cover,
    s.platform,
    s.proj_code,
    a.key AS band,
    a.value.common_name,
    a.value.href AS asset_href
FROM stac_search('demo', datetime := '2024-04-01/2024-07-31') AS s,
     unnest(map_entries(s.assets)) AS u(a)
WHERE a.key IN ('red', 'nir');

-- An asset that the index has, without an error and with the same `updated`, is left alone.
MERGE INTO nightly AS idx
USING (
    SELECT t.* EXCLUDE (asset_href), h.*
    FROM (
        FROM today AS t
        WHERE NOT EXISTS (
            FROM nightly AS i
            WHERE i.id = t.id
                AND i.band = t.band
                AND i.error IS NULL
                AND i.updated IS NOT DISTINCT FROM t.updated
        )
    ) AS t,
         cog_header(t.asset_href) AS h
) AS new
ON idx.id = new.id AND idx.band = new.band
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;

-- What the catalogue no longer has.
DELETE FROM nightly AS idx
WHERE NOT EXISTS (FROM today AS t WHERE t.id = idx.id AND t.band = idx.band);

SELECT band, count(*) AS files, count(error) AS failed, max(datetime) AS newest
FROM nightly
GROUP BY band
ORDER BY band;
