-- Which query asks: a notice comes once a query, and what it reads is counted.
CREATE MACRO _rasteret_query() AS concat(_rasteret_database(), '/', current_connection_id(), '/', current_query_id())
