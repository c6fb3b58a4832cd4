-- What Arrow does not tell a kernel of an area or a point: its type, which holds the CRS of a GEOMETRY; and which
-- query asks, so that a notice comes once a query. The text of a short query tells whether it calls anything else.
CREATE MACRO _rasteret_asked(area) AS {
    'type': typeof(area),
    'connection': concat(_rasteret_database(), '/', current_connection_id()),
    'query': current_query_id(),
    'text': CASE WHEN length(current_query()) <= 400 THEN current_query() END
}
