-- Whether a row of an index has a footprint of _rasteret_placed_areas, by their hashes: from equal GEOMETRY columns
-- DuckDB 1.5 derives a filter on the Parquet file that drops every row.
CREATE MACRO _rasteret_same_footprint(one, other) AS
    hash(one) = hash(other)
