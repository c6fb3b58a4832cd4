"""TIFF directories from bytes and back: tags, IFDs, GeoKeys, limits. Opens nothing, reads no pixels."""
