-- Limits and choices now in force, one row per setting.
--
-- Set them with environment variables (RASTERET_MAX_CONCURRENCY=128) or in Python with
-- register(con, settings={'max_concurrency': 128}).
--
-- @returns name VARCHAR  Name.
-- @returns value VARCHAR  Value now.
-- @returns default VARCHAR  Value when nothing is set.
-- @returns unit VARCHAR  Unit.
-- @returns description VARCHAR  What it limits.
-- @returns in_use UBIGINT  How much of it is taken now: of tile_cache_bytes, header_cache_bytes, bytes_in_flight and request_log_rows; else NULL.
-- @example All settings
-- SELECT name, value, unit FROM rasteret_settings() ORDER BY name;
-- @example How full the cache of tiles is
-- SELECT in_use / value::UBIGINT AS share FROM rasteret_settings() WHERE name = 'tile_cache_bytes';
CREATE MACRO rasteret_settings() AS TABLE
SELECT s.name, s.value, s."default", s.unit, s.description, s.in_use
FROM (SELECT unnest(_rasteret_ok_column(s)) AS s FROM (SELECT _rasteret_settings_table(0) AS s))
