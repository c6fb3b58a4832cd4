-- An index of the assets that a search finds, one row per item and asset: stac_search and cog_header in one call.
--
-- A signed href is stored without its signature (see cog_header); this process reads it with the original signature,
-- as long as that is valid.
-- An asset is indexed if its media type is TIFF, or if it has none and the href ends in .tif or .tiff.
--
-- @param catalog  As in stac_search.
-- @param assets  Asset keys to index, such as ['red', 'nir'], or the catalogue's other names for them (see stac_catalogs()); NULL indexes every TIFF asset.
-- @param collections  As in stac_search.
-- @param ids  As in stac_search.
-- @param bbox  As in stac_search.
-- @param intersects  As in stac_search.
-- @param datetime  As in stac_search.
-- @param filter  As in stac_search.
-- @param sortby  As in stac_search.
-- @param max_items  As in stac_search.
-- @param page_size  As in stac_search.
-- @param aoi_crs  As in stac_search.
-- @param limited  As in stac_search.
-- @param alternate  As in stac_search.
-- @returns id VARCHAR  Item id.
-- @returns collection VARCHAR  Collection id.
-- @returns geometry GEOMETRY('OGC:CRS84')  Footprint of the item.
-- @returns datetime TIMESTAMP WITH TIME ZONE  When the item was acquired.
-- @returns updated TIMESTAMP WITH TIME ZONE  When the metadata last changed.
-- @returns cloud_cover DOUBLE  eo:cloud_cover, percent.
-- @returns platform VARCHAR  Satellite.
-- @returns proj_code VARCHAR  CRS that the item declares.
-- @returns band VARCHAR  Asset key, also where assets named it otherwise.
-- @returns common_name VARCHAR  Common name of the band (red, nir08, swir16): as the item says it, else as the catalogue's table does; NULL for assets of several bands.
-- @include header_columns
-- @returns scales DOUBLE[]  Per band: value = scale · stored + offset. Of the file, else as the item says: its raster extension, or the offset of Sentinel-2's baselines.
-- @example Index two bands of the clear scenes
-- CREATE OR REPLACE TABLE red_nir AS
-- FROM cog_index('demo', assets := ['red', 'nir'], filter := 'cloud_cover < 20');
CREATE MACRO cog_index(
    catalog,
    assets := NULL,
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
    alternate := NULL
) AS TABLE
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
    h.* REPLACE (
        CASE
            WHEN _rasteret_unscaled(h, a.value) THEN list_resize(a.value.scales, h.band_count, a.value.scales[1])
            ELSE h.scales
        END AS scales,
        CASE
            WHEN _rasteret_unscaled(h, a.value) THEN list_resize(a.value.offsets, h.band_count, a.value.offsets[1])
            ELSE h.offsets
        END AS offsets
    )
FROM stac_search(
         catalog,
         collections := collections,
         ids := ids,
         bbox := bbox,
         intersects := intersects,
         datetime := datetime,
         filter := filter,
         sortby := sortby,
         max_items := max_items,
         page_size := page_size,
         aoi_crs := aoi_crs,
         limited := limited,
         alternate := alternate,
         assets := assets
     ) AS s,
     unnest(map_entries(s.assets)) AS u(a),
     cog_header(a.value.href, signed := false) AS h
WHERE CASE
    WHEN assets IS NOT NULL
        THEN list_contains(_rasteret_ok(_rasteret_asset_keys(catalog, assets, map_keys(s.assets))), a.key)
    WHEN a.value.type IS NOT NULL THEN a.value.type ILIKE 'image/%tif%'
    ELSE regexp_matches(a.value.href, '\.tiff?(\?|$)', 'i')
END
