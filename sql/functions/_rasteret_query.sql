-- Which query asks: a notice comes once a query.
CREATE MACRO _rasteret_query() AS concat(current_connection_id(), '/', current_query_id())
