"""Places on the Earth: CRSs, windows, areas of interest, and the pixels that a geometry covers."""
