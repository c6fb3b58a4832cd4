-- What a query reads and asks for, as a tree, without doing it: files, chips, tiles, requests, bytes, seconds and dollars.
--
-- The query runs with reads that count and send nothing: tables are scanned and joined, areas are placed, and the
-- tiles under them are known from the index. Functions that answer pixels give rows without pixels, and numbers are
-- made of empty blocks, so a condition on pixels decides as if there were none, and what is read after it may differ.
-- Nothing is written: of CREATE TABLE, INSERT and COPY the SELECT is planned. Headers of remote files that are named by
-- href, and searches, are not asked for either, unless look_up is true: then only pixels are left out. Local files are opened.
-- DuckDB 1.5 cannot PREPARE a plan.
--
-- Tiles in the cache, and those that it would hold by then, take no request. seconds is bytes at the bandwidth and 50 ms
-- for each round of 32 requests. dollars are GETs and egress of tiles by list prices (rasteret_sql/store/clouds/prices.toml
-- has them, with date and sources), 0 where the owner of a public bucket pays.
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
-- @param sql  A query. Of several only the searches are told.
-- @param look_up  Whether headers are read and searches sent, so that what follows from them is counted.
-- @param bandwidth  Mbit/s, for seconds; 100 by default.
-- @param region  Where the query runs, such as 'aws/us-west-2': there egress is free of charge. The setting query_region by default.
-- @returns plan VARCHAR  A line of the tree.
-- @returns function VARCHAR  What reads or searches; NULL for the whole query and for lines that explain others.
-- @returns scenes BIGINT  Files of which pixels are read.
-- @returns areas BIGINT  Different areas that are asked for.
-- @returns chips BIGINT  Chips and tiles that are answered.
-- @returns chip_bytes BIGINT  Bytes of their pixels.
-- @returns tiles BIGINT  Tiles that are fetched.
-- @returns requests BIGINT  Requests, all kinds together.
-- @returns byte_count BIGINT  Bytes of their answers.
-- @returns cached_tiles BIGINT  Tiles that are cached.
-- @returns cached_byte_count BIGINT  Bytes that are not asked for, therefore.
-- @returns header_requests BIGINT  Requests for headers.
-- @returns seconds DOUBLE  What the network takes at the bandwidth.
-- @returns dollars DOUBLE  What GETs and egress cost.
-- @returns catalog VARCHAR  Of a search: what is searched.
-- @returns arguments MAP(VARCHAR, VARCHAR)  Of a search: the arguments that are added, as SQL.
-- @returns request JSON  What a search asks: the members of a STAC API search, with max_items, and the url of the API. What only DuckDB can tell when the query runs stands there as {"sql": …}. NULL when the catalogue is not a constant.
-- @returns local STRUCT(condition VARCHAR, reason VARCHAR)[]  What the catalogue is not asked for, and why; DuckDB sees to it.
-- @returns sql VARCHAR  Of a search: the query with the arguments added.
-- @example What chips of every field would take
-- SELECT plan
-- FROM rasteret_explain('
--     SELECT c.data FROM ''idx.parquet'' AS i JOIN ''fields.parquet'' AS f ON i.footprint && f.geom,
--          read_cog(i, f.geom) AS c
--     WHERE i.band = ''red''
-- ');
-- @example What a search for clear scenes asks for
-- SELECT arguments['filter'], request->'filter', local
-- FROM rasteret_explain('
--     SELECT id FROM stac_search(''demo'') WHERE cloud_cover < 20 AND updated IS NOT NULL LIMIT 5
-- ');
CREATE MACRO rasteret_explain(sql, look_up := false, bandwidth := NULL, region := NULL) AS TABLE
SELECT
    s.plan,
    s.function,
    s.scenes,
    s.areas,
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
    s.catalog,
    s.arguments,
    s.request,
    s.local,
    s.sql
FROM (
    SELECT unnest(_rasteret_ok_column(s)) AS s
    FROM (
        SELECT
            _rasteret_explain(
                sql, current_setting('TimeZone'), bandwidth, region, _rasteret_query(), planned
            ) AS s
        -- every column is used, and rows go no further
        FROM (
            SELECT bit_xor(hash(q)) AS planned
            FROM query(_rasteret_planned_text(
                sql,
                look_up,
                _rasteret_query(),
                -- a relation is bound outside of any query
                CASE
                    WHEN current_query_id() < 18446744073709551615
                    THEN regexp_matches(current_query(), '^\s*prepare\s', 'i')
                END
            ).value) AS q
        )
    )
)
