-- What DuckDB may use, of which the answers of one vector take a part.
CREATE MACRO _rasteret_memory_limit() AS current_setting('memory_limit')
