-- Collections of a STAC API, one row per collection.
--
-- @param catalog  URL of a STAC API, or a dataset of stac_catalogs(); of a dataset that is one collection, that one.
-- @returns id VARCHAR  What stac_search takes in collections.
-- @returns title VARCHAR  Title.
-- @returns description VARCHAR  What it is, in Markdown.
-- @returns licence VARCHAR  Licence of the data: an SPDX id, 'proprietary', 'various' or 'other'.
-- @returns keywords VARCHAR[]  Keywords.
-- @returns start_datetime TIMESTAMP WITH TIME ZONE  Begin of its items; NULL where it is open.
-- @returns end_datetime TIMESTAMP WITH TIME ZONE  End of its items; NULL where items still come.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Longitude and latitude of all its items.
-- @returns assets MAP(VARCHAR, STRUCT(type VARCHAR, title VARCHAR, roles VARCHAR[]))  Assets that its items have, where it says so.
-- @returns summaries JSON  Values that its items' properties take.
-- @returns endpoint VARCHAR  URL of the STAC API.
-- @example What an API has
-- SELECT id, licence, start_datetime, map_keys(assets) AS assets FROM stac_collections('demo') ORDER BY id;
CREATE MACRO stac_collections(catalog) AS TABLE
SELECT
    c.id,
    c.title,
    c.description,
    c.licence,
    c.keywords,
    c.start_datetime,
    c.end_datetime,
    c.bbox,
    c.assets,
    c.summaries::JSON AS summaries,
    c.endpoint
FROM (SELECT unnest(_rasteret_ok_column(c)) AS c FROM (SELECT _rasteret_stac_collections(catalog, _rasteret_query()) AS c))
