-- What the latest query of this connection has read, with the numbers of rasteret_explain, and what limited it.
--
-- A query that read nothing changes nothing. Its time runs from the first to the last call of a function of this
-- package: network_s is how long requests were under way, decode_s how long functions worked beside that, and duckdb_s
-- the rest. Bytes are those that came, retries included.
--
-- @returns plan VARCHAR  A line of the tree.
-- @returns function VARCHAR  What has read; NULL for the whole query and for lines that explain others.
-- @returns scenes BIGINT  Files of which pixels are read.
-- @returns chips BIGINT  Chips and tiles that are answered.
-- @returns chip_bytes BIGINT  Bytes of their pixels.
-- @returns tiles BIGINT  Tiles that are fetched.
-- @returns requests BIGINT  Requests, all kinds together.
-- @returns byte_count BIGINT  Bytes of their answers.
-- @returns cached_tiles BIGINT  Tiles that are cached.
-- @returns cached_byte_count BIGINT  Bytes that are not asked for, therefore.
-- @returns header_requests BIGINT  Requests for headers.
-- @returns seconds DOUBLE  How long the query took.
-- @returns dollars DOUBLE  What GETs and egress cost.
-- @returns network_s DOUBLE  Seconds in which at least one request was under way.
-- @returns decode_s DOUBLE  Seconds in which functions worked and waited for no request.
-- @returns duckdb_s DOUBLE  Seconds between their calls.
-- @returns limited_by VARCHAR  network, decode or DuckDB: the longest of them.
-- @example What reading chips took
-- SELECT plan FROM rasteret_last_query();
CREATE MACRO rasteret_last_query() AS TABLE
SELECT
    s.plan,
    s.function,
    s.scenes,
    s.chips,
    s.chip_bytes,
    s.tiles,
    s.requests,
    s.byte_count,
    s.cached_tiles,
    s.cached_byte_count,
    s.header_requests,
    s.seconds,
    s.dollars,
    s.network_s,
    s.decode_s,
    s.duckdb_s,
    s.limited_by
FROM (SELECT unnest(_rasteret_ok_column(s)) AS s FROM (SELECT _rasteret_last_query(_rasteret_query()) AS s))
