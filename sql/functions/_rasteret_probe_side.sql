-- One row, of which DuckDB expects eight million. A lateral read is a hash join, which holds the side that is
-- expected to be smaller in memory and streams the other: beside this row the pixels are streamed.
CREATE MACRO _rasteret_probe_side() AS TABLE
SELECT true AS streamed
FROM range(1000) AS a(n), range(1000) AS b(n), range(1000) AS c(n)
WHERE a.n % 1000 = 1 AND b.n % 1000 = 1 AND c.n % 1000 = 1
