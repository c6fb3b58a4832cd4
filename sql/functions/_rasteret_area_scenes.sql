-- Every area with the rows of an index whose footprints its box meets, as one list for read_cube. Conditions on the columns
-- of areas are conditions on groups, which DuckDB applies below them; those on the index belong into its view or CTE.
CREATE MACRO _rasteret_area_scenes(index, areas, geom, footprint, prefer, aoi_crs) AS TABLE
SELECT
    f.* EXCLUDE (rasteret_footprint, rasteret_placed),
    list(
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
            'overviews': i.overviews,
            'mask': i.mask,
            'mask_bands': i.mask_bands,
            'file_size': i.file_size,
            'etag': i.etag,
            'error': i.error,
            'datetime': i."datetime",
            'id': i.id,
            'band': i.band
        }
        ORDER BY i.rasteret_order, i.href
    ) AS rasteret_scenes
FROM (
    SELECT
        *,
        COLUMNS('(?i)^' || regexp_escape(footprint) || '$') AS rasteret_footprint,
        COLUMNS('(?i)^' || regexp_escape(prefer) || '$') AS rasteret_order
    FROM (
        FROM _rasteret_index_rows(index)
        UNION ALL BY NAME
        SELECT NULL AS "datetime", NULL AS id, NULL AS band
        WHERE false
    )
) AS i
JOIN _rasteret_placed_areas(index, areas, geom, footprint, aoi_crs) AS f
    ON _rasteret_same_footprint(i.rasteret_footprint, f.rasteret_footprint)
GROUP BY ALL
