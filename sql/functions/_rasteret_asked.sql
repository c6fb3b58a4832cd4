-- What Arrow does not tell a kernel of an area or a point: its type, which holds the CRS of a GEOMETRY; which
-- query asks, so that a notice comes once a query (the text of a short one tells whether it calls anything else);
-- and what DuckDB may use, of which chips take a part.
CREATE MACRO _rasteret_asked(area) AS {
    'type': typeof(area),
    'connection': concat(_rasteret_database(), '/', current_connection_id()),
    'query': current_query_id(),
    'text': CASE WHEN length(current_query()) <= 400 THEN current_query() END,
    'memory_limit': current_setting('memory_limit'),
    'threads': current_setting('threads')
}
