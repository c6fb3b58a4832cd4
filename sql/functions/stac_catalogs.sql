-- Datasets that stac_search knows by name, one row a dataset.
--
-- They are built in, registered in Python by rasteret_sql.register_catalog('ours/scenes', endpoint=...), or
-- listed in a TOML file: the one that the environment variable RASTERET_CATALOGS names, else
-- ~/.config/rasteret/catalogs.toml ($XDG_CONFIG_HOME/rasteret/catalogs.toml). A table of the file is a
-- dataset: ["ours/scenes"], with endpoint = "https://..." and, where wanted, collection, title, licence, auth
-- and bands = { nir = "B08" }.
--
-- @returns id VARCHAR  What stac_search takes as catalog.
-- @returns title VARCHAR  Title.
-- @returns endpoint VARCHAR  URL of the STAC API.
-- @returns collection VARCHAR  Collection searched.
-- @returns licence VARCHAR  Licence of the data.
-- @returns auth VARCHAR  'none', 'requester-pays' or 'planetary-computer': what reading the assets takes.
-- @returns bands MAP(VARCHAR, VARCHAR)  Asset key of each other band name; cog_index takes either in assets.
-- @example Where Sentinel-2 is
-- SELECT id, endpoint, auth FROM stac_catalogs() WHERE id LIKE '%sentinel-2%' ORDER BY id;
CREATE MACRO stac_catalogs() AS TABLE
SELECT c.id, c.title, c.endpoint, c.collection, c.licence, c.auth, c.bands
FROM (SELECT unnest(_rasteret_ok_column(c)) AS c FROM (SELECT _rasteret_stac_catalogs(0) AS c))
