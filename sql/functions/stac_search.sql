-- Items of a STAC API that match a search, one row per item.
--
-- Searches run when the query runs, never for EXPLAIN, PREPARE or CREATE VIEW. Beside a table of areas
-- (`FROM aoi a, stac_search(…, intersects := a.geom) s`) the searches of all rows run concurrently.
-- All matching items are fetched unless max_items limits them; a large search is split by time, and its
-- parts are paged concurrently (setting stac_concurrency).
--
-- A filter is a condition as in WHERE, with the column names of the result or STAC's property names
-- (eo:cloud_cover needs no quotes): comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, IS NULL, arithmetic,
-- DATE and TIMESTAMP literals, list_contains and && on lists, ST_Intersects and its like, geometry && box.
-- It is sent as CQL2 JSON. Text that begins with { is CQL2 JSON already; text that does not follow SQL's
-- grammar is read as CQL2 text, such as S_INTERSECTS(geometry, POINT(7.5 51.5)). geometry && g means items
-- whose footprint intersects the box of g.
--
-- Where the href of an asset leads to a login page, its alternate object (Alternate Assets extension) or a
-- rule of the catalogue gives another address: earthsearch/landsat-c2-l2 gives s3://usgs-landsat/ in place of
-- https://landsatlook.usgs.gov/. The other href is in extra_fields, as an alternate.
--
-- Whatever the server cannot do (filter, sortby) is done locally, and you are told: by a warning in Python, by a line on
-- standard error in the shell. The same goes for what it claims to do but does not, because returned items are checked
-- against every argument. A local filter keeps an item where it is true, as WHERE does. Local sorting fetches all
-- items before max_items cuts them. A result cut by max_items is reported as well.
--
-- A misspelt name is reported together with the existing names: a property of filter or sortby, or an asset, that
-- no item has, and, when nothing is found, a collection or property that the API does not know.
--
-- Each item is returned once, by collection and id. A malformed member of an item is NULL, with a notice; the
-- server's count (numberMatched) is only a hint. A search that POST refuses is sent by GET. Next
-- links are followed by GET and POST over http(s); their headers go to their own origin. More in
-- docs/catalogues.md.
--
-- @param catalog  URL of a STAC API, or a dataset such as 'earthsearch/sentinel-2-l2a' (see stac_catalogs()).
-- @param collections  Collection id, or a list of them; by default the collection of the built-in dataset, else all.
-- @param ids  Item id, or a list of them.
-- @param bbox  [xmin, ymin, xmax, ymax] in degrees, or STRUCT(xmin, ymin, xmax, ymax); xmin above xmax means across the antimeridian. 'all', the globe, by default. NULL finds nothing.
-- @param intersects  Area that items must intersect: GEOMETRY, WKT, GeoJSON, WKB (also hexadecimal), GeoParquet's native encodings (lists of STRUCT(x, y); a list of points is a line), DOUBLE[4] or STRUCT(xmin, ymin, xmax, ymax). 'all', the globe, by default. NULL finds nothing.
-- @param datetime  RFC 3339 moment, day, or range 'from/to'; either end may be '..'.
-- @param filter  Condition in SQL, such as 'cloud_cover < 20 AND platform IN (''sentinel-2a'', ''sentinel-2b'')', or in CQL2 JSON or text.
-- @param sortby  'datetime', '-datetime' for newest first, several with commas or as a list.
-- @param max_items  At most this many items; NULL fetches all.
-- @param page_size  Items asked for in one page; NULL takes the stac_page_size setting.
-- @param aoi_crs  CRS of intersects when the value itself has none; OGC:CRS84 by default.
-- @param limited  True beside a LIMIT that cuts the same rows, as rasteret_explain adds it: then a cut by max_items is not reported.
-- @param alternate  Which href of each asset: a name in its alternate object, such as 's3', or a scheme; 'none' is the item's own; NULL is the catalogue's choice (see stac_catalogs()).
-- @param assets  Asset keys that will be read, or the catalogue's other names for them: a notice names those that no item has. All assets are returned all the same.
-- @returns id VARCHAR  Item id.
-- @returns collection VARCHAR  Collection id.
-- @returns geometry GEOMETRY('OGC:CRS84')  Footprint; NULL when the item has none.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Longitude and latitude; heights are left out. West of the antimeridian xmin > xmax, as in STAC.
-- @returns datetime TIMESTAMP WITH TIME ZONE  NULL for an item with a range.
-- @returns start_datetime TIMESTAMP WITH TIME ZONE  Start of the range.
-- @returns end_datetime TIMESTAMP WITH TIME ZONE  End of the range.
-- @returns created TIMESTAMP WITH TIME ZONE  When the metadata was created.
-- @returns updated TIMESTAMP WITH TIME ZONE  When the metadata last changed.
-- @returns cloud_cover DOUBLE  eo:cloud_cover, percent.
-- @returns platform VARCHAR  Satellite.
-- @returns constellation VARCHAR  Constellation.
-- @returns gsd DOUBLE  Ground sample distance, metres.
-- @returns proj_code VARCHAR  proj:code, or EPSG:n from proj:epsg.
-- @returns assets MAP(VARCHAR, STRUCT(href VARCHAR, type VARCHAR, title VARCHAR, roles VARCHAR[], file_size UBIGINT, bands VARCHAR[], common_name VARCHAR, scales DOUBLE[], offsets DOUBLE[], extra_fields JSON))  Assets by key; hrefs are absolute. common_name is that of an asset with one band (red, nir08). scales and offsets, by band, are those of the item: value = scale · stored + offset.
-- @returns properties JSON  All properties as the catalogue gave them.
-- @returns self_href VARCHAR  Where the item lives.
-- @example Clear scenes of one summer
-- SELECT id, datetime, cloud_cover
-- FROM stac_search('demo', bbox := [11.9, 47.8, 12.1, 48.1], filter := 'cloud_cover < 20')
-- ORDER BY datetime;
-- @example One search for every field
-- SELECT f.field_id, count(*) AS scenes
-- FROM 'fields.parquet' AS f, stac_search('demo', intersects := f.geom) AS s
-- GROUP BY f.field_id
-- ORDER BY f.field_id;
CREATE MACRO stac_search(
    catalog,
    collections := NULL,
    ids := NULL,
    bbox := 'all',
    intersects := 'all',
    datetime := NULL,
    filter := NULL,
    sortby := NULL,
    max_items := NULL,
    page_size := NULL,
    aoi_crs := NULL,
    limited := false,
    alternate := NULL,
    assets := NULL
) AS TABLE
SELECT
    s.id,
    s.collection,
    ST_SetCRS(ST_GeomFromWKB(s.geometry), 'OGC:CRS84') AS geometry,
    s.bbox,
    s.datetime,
    s.start_datetime,
    s.end_datetime,
    s.created,
    s.updated,
    s.cloud_cover,
    s.platform,
    s.constellation,
    s.gsd,
    s.proj_code,
    s.assets,
    s.properties::JSON AS properties,
    s.self_href
FROM (
    SELECT unnest(_rasteret_ok_column(found)) AS s
    FROM (
        SELECT _rasteret_stac_search(
            catalog, collections, ids, bbox, intersects, typeof(intersects), aoi_crs,
            datetime, filter, sortby, max_items, page_size, limited, alternate,
            _rasteret_query(), assets
        ) AS found
    )
)
