-- What DuckDB may use, of which the answers of one vector take a part, and which query asks.
CREATE MACRO _rasteret_memory_limit() AS {
    'memory_limit': current_setting('memory_limit'),
    'connection': concat(_rasteret_database(), '/', current_connection_id()),
    'query': current_query_id()
}
