-- Whether the item says how the numbers of every band of a file are to be read, and the file does not.
CREATE MACRO _rasteret_unscaled(header, asset) AS
    coalesce(header.scales IS NULL AND header.offsets IS NULL AND len(asset.scales) = header.band_count, false)
