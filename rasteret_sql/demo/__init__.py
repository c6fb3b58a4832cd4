"""A small archive made on the spot, so that every query can be tried without the internet: ``start()``."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    import duckdb

    from rasteret_sql.demo.archive import Archive

__all__ = ["Demo", "start"]


class Demo:
    """The demo archive, served on this machine, and a connection that knows it.

    ``stac_search('demo')`` finds its scenes; the view ``fields`` has its labelled polygons.
    """

    con: duckdb.DuckDBPyConnection
    """DuckDB with every function registered."""
    archive: Archive
    url: str
    """Root of the STAC API; the files are below ``/data/``."""

    def __init__(self, folder: Path) -> None:
        import rasteret_sql
        from rasteret_sql.demo.sources import served_archive

        self._closing = contextlib.ExitStack()
        self.archive, server = self._closing.enter_context(served_archive(folder))
        self.url, self.folder = server.url, folder
        self.con = self._closing.enter_context(contextlib.closing(rasteret_sql.connect()))
        fields = self.path("fields.parquet").replace("'", "''")
        self.con.execute(f"CREATE VIEW fields AS FROM '{fields}'")

    def path(self, name: str) -> str:
        """The path of a file in the archive's folder."""
        return str(self.folder / name)

    def close(self) -> None:
        """Stop the server, close the connection, and remove the folder when it is a temporary one."""
        self._closing.close()

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(folder: str | Path | None = None) -> Demo:
    """Make the archive (in ``folder``, else in a temporary one) and serve it until ``close()``."""
    if folder is not None:
        return Demo(Path(folder).resolve())
    temporary = tempfile.TemporaryDirectory(prefix="rasteret-demo-", ignore_cleanup_errors=True)
    try:
        demo = Demo(Path(temporary.name).resolve())
    except BaseException:
        temporary.cleanup()
        raise
    demo._closing.callback(temporary.cleanup)
    return demo
