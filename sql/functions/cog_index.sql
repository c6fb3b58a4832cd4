-- An index of the assets a search finds, one row an item and asset: stac_search and cog_header in one call.
--
-- An href that its catalogue signed is kept without the signature (see cog_header); this process reads it with the
-- signature that it came with, as long as that is valid.
-- Assets are taken when their media type is TIFF, or unsaid and the href ends in .tif or .tiff.
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
-- @returns updated TIMESTAMP WITH TIME ZONE  When the metadata was changed last.
-- @returns cloud_cover DOUBLE  eo:cloud_cover, percent.
-- @returns platform VARCHAR  Satellite.
-- @returns proj_code VARCHAR  CRS that the item declares.
-- @returns band VARCHAR  Asset key, also where assets named it otherwise.
-- @returns common_name VARCHAR  Common name of the band (red, nir08, swir16): as the item says it, else as the catalogue's table does; NULL for assets of several bands.
-- @returns href VARCHAR  The asset.
-- @returns width INTEGER  Columns of the full-resolution image.
-- @returns height INTEGER  Rows of the full-resolution image.
-- @returns band_count INTEGER  Bands (SamplesPerPixel), alpha included.
-- @returns dtype VARCHAR  NumPy name of a sample, such as uint16.
-- @returns tile_width INTEGER  Columns of an internal tile; the width of the image for strips.
-- @returns tile_height INTEGER  Rows of an internal tile, or of a strip.
-- @returns tiled BOOLEAN  False for strips.
-- @returns compression VARCHAR  none, deflate, lzw, zstd, packbits, jpeg and others.
-- @returns predictor INTEGER  1 none, 2 horizontal differencing, 3 floating point.
-- @returns interleave VARCHAR  pixel or band.
-- @returns photometric VARCHAR  minisblack, rgb, palette, ycbcr and others.
-- @returns byte_order VARCHAR  little or big, as stored.
-- @returns bits_per_sample INTEGER  Bits of one sample.
-- @returns fill_order INTEGER  2 when the bits of each byte are reversed.
-- @returns extra_samples VARCHAR[]  What the last bands are: unspecified, associated_alpha, unassociated_alpha.
-- @returns crs VARCHAR  Authority code such as EPSG:32632, else WKT2; NULL without georeference.
-- @returns crs_note VARCHAR  Why crs is NULL, or transform counts pixels, where the file has tags for them that contradict each other, are incomplete, or name what PROJ does not know; else NULL.
-- @returns transform DOUBLE[]  Affine a b c d e f: x = a·column + b·row + c, y = d·column + e·row + f.
-- @returns bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE)  Bounds in the raster's CRS.
-- @returns footprint GEOMETRY('OGC:CRS84')  Outline in longitude and latitude.
-- @returns nodata DOUBLE  Value of missing pixels; NULL when there is none.
-- @returns scales DOUBLE[]  Per band: value = scale · stored + offset. Of the file, else as the item says: its raster extension, or the offset of Sentinel-2's baselines.
-- @returns offsets DOUBLE[]  Per band.
-- @returns units VARCHAR[]  Per band: unit of the values after scale and offset.
-- @returns band_names VARCHAR[]  GDAL's band descriptions.
-- @returns gcps STRUCT("row" DOUBLE, col DOUBLE, x DOUBLE, y DOUBLE, z DOUBLE)[]  Ground control points of a raster that has no transform; row and col count from the corner of the first pixel.
-- @returns gcps_crs VARCHAR  CRS of the ground control points.
-- @returns colorinterp VARCHAR[]  Per band, in rasterio's words: 'red', 'gray', 'palette', 'alpha', 'undefined', …; 'associated_alpha' where the pixels are multiplied by it, 'miniswhite' for gray whose zero is white.
-- @returns colormap USMALLINT[]  ColorMap as stored: all reds, greens, blues, 0 to 65535.
-- @returns tile_offsets UBIGINT[]  Where each tile lies, in bytes; 0 for a sparse one.
-- @returns tile_byte_counts UBIGINT[]  How long each tile is; 0 for a sparse one.
-- @returns jpeg_tables BLOB  JPEGTables.
-- @returns lerc_parameters UINTEGER[]  LercParameters.
-- @returns overviews STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[], mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[]))[]  Reduced levels from fine to coarse, each with its tile tables and mask; level 1 is the first.
-- @returns mask STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, tile_height INTEGER, tiled BOOLEAN, compression VARCHAR, predictor INTEGER, interleave VARCHAR, photometric VARCHAR, bits_per_sample INTEGER, fill_order INTEGER, tile_offsets UBIGINT[], tile_byte_counts UBIGINT[], jpeg_tables BLOB, lerc_parameters UINTEGER[])  Internal mask of the full resolution.
-- @returns mask_bands INTEGER  Samples a pixel of the internal mask: 1 for all bands together, or one for each band; NULL without a mask.
-- @returns ghost MAP(VARCHAR, VARCHAR)  GDAL's structural metadata, such as LAYOUT and BLOCK_LEADER.
-- @returns file_size UBIGINT  Bytes of the file.
-- @returns etag VARCHAR  ETag; a read checks that it is still the same.
-- @returns last_modified TIMESTAMP WITH TIME ZONE  When the file was changed last.
-- @returns sidecars VARCHAR[]  Files beside a local raster that GDAL reads with it and this package does not: .msk, .aux.xml, .ovr, world files. NULL of remote files: nobody looks.
-- @returns error VARCHAR  Why there is no header; all but href is NULL then.
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
