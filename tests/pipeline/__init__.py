"""The life of an index."""
