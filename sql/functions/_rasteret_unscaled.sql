-- Whether the item says how the numbers of every band of a file are to be read, and the file does not.
-- One value is the asset's own, for all bands.
CREATE MACRO _rasteret_unscaled(header, asset) AS
    coalesce(
        header.scales IS NULL AND header.offsets IS NULL AND len(asset.scales) IN (1, header.band_count), false
    )
