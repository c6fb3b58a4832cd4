"""The life of an index, and pipelines: what runs every night."""
