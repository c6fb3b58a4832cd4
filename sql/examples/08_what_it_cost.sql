-- What has been sent over the wire so far, by kind.
SELECT
    kind,
    count(*) AS requests,
    sum(byte_count) AS bytes,
    count(error) AS failed
FROM rasteret_requests()
GROUP BY kind
ORDER BY kind;
