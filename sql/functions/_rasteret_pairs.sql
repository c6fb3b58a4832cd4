-- Every pair of a row of an index and an area that meets its footprint: the raster and the
-- area, then the columns of the index without its tables, then those of the areas. Conditions
-- on either reach its scan, and what is not used is not read: no column is a whole row.
CREATE MACRO _rasteret_pairs(index, areas, geom, footprint, aoi_crs, with_overviews) AS TABLE
SELECT
    {
        'href': i.href,
        'width': i.width,
        'height': i.height,
        'band_count': i.band_count,
        'dtype': i.dtype,
        'tile_width': i.tile_width,
        'tile_height': i.tile_height,
        'tiled': i.tiled,
        'compression': i.compression,
        'predictor': i.predictor,
        'interleave': i.interleave,
        'photometric': i.photometric,
        'byte_order': i.byte_order,
        'bits_per_sample': i.bits_per_sample,
        'fill_order': i.fill_order,
        'extra_samples': i.extra_samples,
        'crs': i.crs,
        'crs_note': i.crs_note,
        'transform': i.transform,
        'nodata': i.nodata,
        'scales': i.scales,
        'offsets': i."offsets",
        'units': i.units,
        'band_names': i.band_names,
        'gcps': i.gcps,
        'gcps_crs': i.gcps_crs,
        'colorinterp': i.colorinterp,
        'colormap': i.colormap,
        'tile_offsets': i.tile_offsets,
        'tile_gaps': i.tile_gaps,
        'tile_byte_counts': i.tile_byte_counts,
        'jpeg_tables': i.jpeg_tables,
        'lerc_parameters': i.lerc_parameters,
        'overviews': CASE WHEN with_overviews THEN i.overviews END,
        'mask': i.mask,
        'mask_bands': i.mask_bands,
        'file_size': i.file_size,
        'etag': i.etag,
        'error': i.error
    } AS rasteret_raster,
    f.rasteret_aoi,
    i.* EXCLUDE (rasteret_footprint, tile_offsets, tile_gaps, tile_byte_counts, overviews, mask),
    f.* EXCLUDE (rasteret_footprint, rasteret_placed, rasteret_aoi)
FROM (
    SELECT *, COLUMNS('(?i)^' || regexp_escape(footprint) || '$') AS rasteret_footprint
    FROM _rasteret_index_rows(index)
) AS i
JOIN _rasteret_placed_areas(index, areas, geom, footprint, aoi_crs) AS f
    ON _rasteret_same_footprint(i.rasteret_footprint, f.rasteret_footprint)
