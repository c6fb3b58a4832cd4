"""Which pixels of a grid a geometry covers, wholly or by a fraction."""
