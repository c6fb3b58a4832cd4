"""dbt-duckdb plugin: the functions on every cursor of dbt, and STAC searches as dbt sources.

In ``profiles.yml``::

    plugins:
      - module: rasteret_sql.dbt
        alias: rasteret
        config:
          settings: {max_concurrency: 64}
          storage_options: {"s3://sentinel-cogs/": {anon: true}}

In ``sources.yml`` every argument of ``stac_search``, or of the table function that ``function`` names, is a
key of ``meta``::

    - name: items
      config:
        meta: {plugin: rasteret, catalog: earthsearch/sentinel-2-l2a, bbox: [16.3, 48.1, 16.5, 48.3]}

``python -m rasteret_sql.dbt`` prints where the dbt project is that comes with this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

import rasteret_sql
from rasteret_sql.duck.register.source_call import FUNCTION, Rows, call_of
from rasteret_sql.duck.sql_files import sql_folder
from rasteret_sql.errors import ArgumentError, RasteretError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Plugin"]

OWN_KEYS = ("settings", "storage_options")
"""Keys of the plugin's ``config`` in profiles.yml."""
DBT_KEYS = ("plugin", "materialization", "save_mode")
"""Keys of a source's ``meta`` that dbt-duckdb reads itself."""


class Plugin(BasePlugin):  # type: ignore[misc]
    """What dbt-duckdb makes once a process, from ``module: rasteret_sql.dbt`` in a profile."""

    _connection: duckdb.DuckDBPyConnection | None = None

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Check the configuration; dbt-duckdb puts the profile's own ``settings`` beside its keys."""
        # DuckDB would import it in one of dbt's threads, and pyarrow's look for pandas is not made for two
        import pyarrow.dataset

        del pyarrow
        of_duckdb = getattr(self.creds, "settings", None) or {}
        for key in plugin_config:
            if key not in OWN_KEYS and key not in of_duckdb:
                raise ArgumentError(
                    f"profiles.yml: plugin '{self.name}' has no config key {key!r}; "
                    f"the keys are {', '.join(OWN_KEYS)}."
                )
        for key in OWN_KEYS:
            if not isinstance(plugin_config.get(key) or {}, Mapping):
                raise ArgumentError(
                    f"profiles.yml: config key {key!r} of plugin '{self.name}' is a "
                    f"{type(plugin_config[key]).__name__}; a mapping was expected, such as "
                    "settings: {max_concurrency: 64} or storage_options: {'s3://bucket/': {anon: true}}."
                )
        self._config = {key: plugin_config.get(key) for key in OWN_KEYS}

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Settings, storage options and kernels: once a database."""
        try:
            self._connection = rasteret_sql.register(conn, **self._config)
        except RasteretError as error:
            raise ArgumentError(f"profiles.yml: config of plugin '{self.name}': {error}") from error

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Every cursor begins with a search path of its own."""
        rasteret_sql.register(cursor)

    def default_materialization(self) -> str:
        """A view: the catalogue is searched when a model reads the source, not when dbt compiles it."""
        return "view"

    def load(self, source_config: Any) -> Rows:
        """The rows of a source, searched for whenever they are read; the search itself is checked now."""
        place = f"dbt source '{source_config.table_name()}', meta"
        meta = {key: value for key, value in source_config.meta.items() if key not in DBT_KEYS}
        function = meta.pop(FUNCTION, "stac_search")
        return Rows(self._open, call_of(function, meta, place=place))

    def _open(self) -> duckdb.DuckDBPyConnection:
        """The connection of now: dbt-duckdb closes and opens it where a profile says keep_open: false."""
        assert self._connection is not None, "dbt-duckdb configures the connection before it reads a source"
        return self._connection


if __name__ == "__main__":
    print(sql_folder() / "models")
