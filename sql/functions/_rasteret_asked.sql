-- What Arrow does not tell a kernel of an area or a point: its type, which holds the CRS of a GEOMETRY; and which
-- query asks, so that a notice comes once a query. Its moment tells the databases of one process apart.
CREATE MACRO _rasteret_asked(area) AS {
    'type': typeof(area),
    'query': concat(current_connection_id(), '/', current_query_id(), '/', epoch_us(now()))
}
