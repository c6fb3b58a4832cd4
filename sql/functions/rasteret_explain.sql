-- What each STAC search of a query asks of its catalogue, one row per search, without sending anything.
--
-- A condition on the result of stac_search or cog_index is also given to the search, so that no more of the catalogue
-- is read than needed: cloud_cover < 20 becomes filter := 'cloud_cover < 20', a condition on datetime becomes
-- datetime :=, and so on. Only arguments are added; WHERE stays as it is, and so do the rows.
-- `rasteret_sql.connect()` does it for every query, and `rasteret_sql.pushdown(sql)` gives the text for connections
-- of other kinds. The DuckDB shell cannot do it by itself: paste the column sql.
--
-- id and collection become lists; cloud_cover, gsd, platform and constellation become a filter; datetime becomes an
-- interval; ST_Intersects(geometry, …) becomes intersects. `geometry && …` compares boxes, which no catalogue does: it
-- becomes a band around the globe, and at Earth Search and the Planetary Computer the meridians as well, which is the
-- same for footprints in one piece. ST_Intersects asks for less. LIMIT becomes max_items where the catalogue finds
-- the very rows of WHERE. Catalogues compare text exactly: with a default_collation that does not, query without
-- pushdown, by connect(pushdown=False).
--
-- @param sql  A query, or several.
-- @returns function VARCHAR  stac_search or cog_index.
-- @returns catalog VARCHAR  What is searched.
-- @returns arguments MAP(VARCHAR, VARCHAR)  The arguments that are added, as SQL.
-- @returns request JSON  What is asked: the members of a STAC API search, with max_items, and the url of the API. What only DuckDB can tell when the query runs stands there as {"sql": …}. NULL when the catalogue is not a constant.
-- @returns local STRUCT(condition VARCHAR, reason VARCHAR)[]  What the catalogue is not asked for, and why; DuckDB sees to it.
-- @returns sql VARCHAR  The query with the arguments added.
-- @example What a search for clear scenes asks for
-- SELECT arguments['filter'], request->'filter', local
-- FROM rasteret_explain('
--     SELECT id FROM stac_search(''demo'') WHERE cloud_cover < 20 AND updated IS NOT NULL LIMIT 5
-- ');
CREATE MACRO rasteret_explain(sql) AS TABLE
SELECT
    s.function,
    s.catalog,
    s.arguments,
    s.request,
    s.local,
    s.sql
FROM (
    SELECT unnest(_rasteret_ok_column(s)) AS s
    FROM (SELECT _rasteret_explain(sql, current_setting('TimeZone')) AS s)
)
