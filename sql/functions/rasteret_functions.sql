-- Documentation of every function of this package, one row per function.
--
-- @returns name VARCHAR  Name.
-- @returns kind VARCHAR  'table' or 'scalar'.
-- @returns signature VARCHAR  Arguments with their defaults.
-- @returns summary VARCHAR  One sentence.
-- @returns description VARCHAR  More.
-- @returns parameters STRUCT(name VARCHAR, "default" VARCHAR, description VARCHAR)[]  Arguments.
-- @returns returns STRUCT(name VARCHAR, "type" VARCHAR, description VARCHAR)[]  Columns, or the value.
-- @returns examples STRUCT(title VARCHAR, "sql" VARCHAR)[]  Queries that run as written.
-- @example What there is
-- SELECT name, signature, summary FROM rasteret_functions() ORDER BY name;
CREATE MACRO rasteret_functions() AS TABLE
SELECT f.name, f.kind, f.signature, f.summary, f.description, f.parameters, f."returns", f.examples
FROM (SELECT unnest(_rasteret_ok_column(f)) AS f FROM (SELECT _rasteret_functions(0) AS f))
