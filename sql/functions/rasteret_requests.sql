-- What this process sent over the wire, one row a request, oldest first.
--
-- Queries are cut from URLs, so no signature or token shows. The log keeps the last request_log_rows requests;
-- id counts all of them since the process began.
--
-- @returns id UBIGINT  Number of the request, from 1.
-- @returns started_at TIMESTAMP WITH TIME ZONE  When it was sent.
-- @returns kind VARCHAR  header, tile, document, stac, or what had to be asked first: region (of an S3 bucket), size.
-- @returns url VARCHAR  Where, without what is secret.
-- @returns offset UBIGINT  First byte asked for; NULL for whole documents.
-- @returns byte_count UBIGINT  Bytes received.
-- @returns duration_ms DOUBLE  Milliseconds until the last byte.
-- @returns attempt INTEGER  1, or higher for a retry.
-- @returns error VARCHAR  Why it failed; NULL when it did not.
-- @example What was spent, by kind
-- SELECT kind, count(*) AS requests, sum(byte_count) AS bytes FROM rasteret_requests() GROUP BY kind ORDER BY kind;
CREATE MACRO rasteret_requests() AS TABLE
SELECT r.id, r.started_at, r.kind, r.url, r."offset", r.byte_count, r.duration_ms, r.attempt, r.error
FROM (SELECT unnest(_rasteret_ok(_rasteret_requests(0))) AS r)
