-- Items of a static STAC document, one row per item.
--
-- Reads an Item, an ItemCollection, a list of items, a Catalog or Collection (its links are followed,
-- concurrently), NDJSON of items or ItemCollections, or STAC GeoParquet, from a local path, http(s), s3,
-- gs, az, memory or any other fsspec URL.
--
-- Parts of an item that cannot be read are NULL, and entries that are not items are skipped, each with a notice. Settings
-- bound a document: max_document_bytes (64 MiB; 1 GiB for Parquet), max_document_depth, max_document_items.
-- A document from the network cannot link to anything local.
--
-- A pattern stands for every file that matches it; a folder (a local one, or a store's URL that ends in /) for its
-- catalog.json or collection.json, or else for every document in and below it. Rows are ordered by the list, then by
-- path. A pattern without a match and a folder without documents are errors.
--
-- @param href  Where the document is: a path or URL, a pattern such as 's3://bucket/items/**/*.parquet', a folder, or a list of these.
-- @param alternate  Which href of each asset: a name in its alternate object, such as 's3', or a scheme; NULL and 'none' are the item's own.
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
-- @example The items of an ItemCollection on disk
-- SELECT id, datetime, map_keys(assets) AS asset_keys
-- FROM stac_read('items.json')
-- ORDER BY id;
CREATE MACRO stac_read(href, alternate := NULL) AS TABLE
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
        SELECT _rasteret_stac_read(href, alternate, _rasteret_query()) AS found
    )
)
