"""STAC: search of APIs, reading of static documents, and the row that an item becomes."""
