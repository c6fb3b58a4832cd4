"""URLs and headers that are signed when bytes are requested."""
