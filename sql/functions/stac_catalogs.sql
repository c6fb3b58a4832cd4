-- Datasets that stac_search knows by name, one row per dataset.
--
-- They are built in, registered in Python by rasteret_sql.register_catalog('ours/scenes', endpoint=...), or
-- listed in a TOML file: the one that the environment variable RASTERET_CATALOGS names, else
-- ~/.config/rasteret/catalogs.toml ($XDG_CONFIG_HOME/rasteret/catalogs.toml). A table of the file is a
-- dataset: ["ours/scenes"], with endpoint = "https://..." and, where wanted, collection, title, licence, auth
-- bands = { nir = "B08" }, alternate = "s3" and href_rules = { "https://host/data/" = "s3://bucket/" }.
--
-- @returns id VARCHAR  What stac_search takes as catalog.
-- @returns title VARCHAR  Title.
-- @returns endpoint VARCHAR  URL of the STAC API.
-- @returns collection VARCHAR  Collection searched.
-- @returns licence VARCHAR  Licence of the data.
-- @returns auth VARCHAR  'none', 'requester-pays' or 'planetary-computer': what reading the assets takes.
-- @returns bands MAP(VARCHAR, VARCHAR)  Asset key of each other band name; cog_index takes either in assets.
-- @returns alternate VARCHAR  The alternate of its assets that is read, see stac_search.
-- @returns href_rules MAP(VARCHAR, VARCHAR)  Prefixes of hrefs, and what is read in their place.
-- @example Where Sentinel-2 is
-- SELECT id, endpoint, auth FROM stac_catalogs() WHERE id LIKE '%sentinel-2%' ORDER BY id;
CREATE MACRO stac_catalogs() AS TABLE
SELECT c.id, c.title, c.endpoint, c.collection, c.licence, c.auth, c.bands, c.alternate, c.href_rules
FROM (SELECT unnest(_rasteret_ok_column(c)) AS c FROM (SELECT _rasteret_stac_catalogs(0) AS c))
