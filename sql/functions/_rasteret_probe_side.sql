-- One row, of which DuckDB expects nine million. A lateral read is a hash join, which holds the side that is
-- expected to be smaller in memory and streams the other: beside this row the pixels are streamed.
CREATE MACRO _rasteret_probe_side() AS TABLE
SELECT true AS streamed
FROM range(15000) AS a(n), range(15000) AS b(n)
WHERE a.n % 15000 = 1 AND b.n % 15000 = 1
