"""Whether an item meets a CQL2 expression."""
