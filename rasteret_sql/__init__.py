"""Satellite imagery in DuckDB: ``connect()`` or ``register(con)``, then write SQL.

The functions are listed by ``FROM rasteret_functions()``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import duckdb
    import geopandas
    import xarray

    from rasteret_sql.parts import FromEnvironment, Part, Parts, Session, split
    from rasteret_sql.tensors.cube import Cube

__all__ = [
    "FromEnvironment", "Part", "Parts", "Session", "__version__", "connect", "open_xarray", "pushdown",
    "register", "register_catalog", "register_signer", "split", "to_geopandas", "to_numpy", "to_xarray",
    "write_virtual_zarr",
]  # fmt: skip
__version__ = "0.1.0"

_OF_PARTS = frozenset({"FromEnvironment", "Part", "Parts", "Session", "split"})


def __getattr__(name: str) -> Any:
    """What is needed to run a query in many processes is imported when it is asked for."""
    if name not in _OF_PARTS:
        raise AttributeError(f"module 'rasteret_sql' has no attribute {name!r}")
    from rasteret_sql import parts

    return getattr(parts, name)


def connect(
    database: str | Path = ":memory:",
    *,
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    pushdown: bool = True,
) -> duckdb.DuckDBPyConnection:
    """``duckdb.connect`` with every function of this package, on its cursors too; see ``register``.

    The answer is a ``duckdb.DuckDBPyConnection`` for ``isinstance``, and has DuckDB's own as
    ``duckdb_connection``. In a process that was forked since, it raises ``duckdb.ConnectionException``.
    A database in memory, which nobody else can open, gets the functions when the connection is first used.

    pushdown: whether conditions on STAC searches are given to the catalogue; see ``pushdown``.
    """
    import duckdb

    from rasteret_sql.duck.register.connection import wrapped
    from rasteret_sql.duck.register.registration import register as register_functions

    connection = duckdb.connect(str(database), read_only=read_only, config=dict(config or {}))
    try:
        _configure(storage_options, settings)
        is_alone = str(database) in ("", ":memory:")
        if not is_alone:
            register_functions(connection, new=True)
        return wrapped(connection, pushes_down=pushdown, is_registered=not is_alone)
    except BaseException:
        connection.close()
        raise


def register(
    connection: duckdb.DuckDBPyConnection,
    *,
    storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Put the functions on a DuckDB connection, and give it back.

    Any connection will do, to a read-only file too; again is harmless. The functions lie in a database
    ``rasteret``, attached read-only, and every connection of the same DuckDB database finds them there:
    ``rasteret.read_cog(…)``. A cursor finds them without ``rasteret.`` after ``register(cursor)``, and until
    ``USE``. (Where the name ``rasteret`` is taken, they are temporary macros of each registered connection.)

    storage_options: options of fsspec and s3fs by URL prefix, the longest prefix wins, for the whole process:
    ``{"s3://sentinel-cogs/": {"anon": True}, "s3://private/": {"profile": "field-team"}}``.
    settings: limits by name, for the process: ``{"max_concurrency": 128}``; see ``rasteret_settings()``.
    """
    from rasteret_sql.duck.register.connection import plain
    from rasteret_sql.duck.register.registration import register as register_functions

    _configure(storage_options, settings)
    register_functions(plain(connection))
    return connection


def _configure(
    storage_options: Mapping[str, Mapping[str, Any]] | None, settings: Mapping[str, Any] | None
) -> None:
    if storage_options is not None:
        from rasteret_sql.store.options import set_storage_options

        set_storage_options(storage_options)
    if settings is not None:
        from rasteret_sql.settings import configure

        configure(**settings)


def pushdown(sql: str, parameters: Any = None) -> str:
    """``sql`` with its conditions also given to what they are about, for other connections.

    ``WHERE cloud_cover < 20`` adds ``filter := 'cloud_cover < 20'`` to the call of ``stac_search`` or
    ``cog_index`` that it is about; nothing else changes, so that the result is the same, and less of the
    catalogue is read. ``FROM idx AS i, read_cog(i, area) WHERE i.band = 'red'`` says the condition once
    more where ``idx`` stands, so that it filters before rows are read. ``connect()`` does this by itself.
    ``parameters`` are the values of a prepared statement. What is sent, and what is not and why, is shown by
    ``FROM rasteret_explain(sql)``.
    """
    from rasteret_sql.duck.pushdown import pushdown as rewritten

    return rewritten(sql, parameters)


def register_catalog(
    id: str,
    *,
    endpoint: str,
    collection: str | None = None,
    title: str | None = None,
    licence: str | None = None,
    auth: Literal["none", "requester-pays", "planetary-computer"] = "none",
    bands: Mapping[str, str] | None = None,
    alternate: str | None = None,
    href_rules: Mapping[str, str] | None = None,
) -> None:
    """Give a STAC API, or one collection of it, an id for this process; the same id again replaces it.

    ``stac_search('ours/sentinel-2')`` then knows it, as it knows those of a file, see ``stac_catalogs()``.
    ``bands`` are other names for assets: alias to asset key. Where assets are to be read elsewhere than at
    their href, ``alternate`` names the entry of their ``alternate`` objects that is read, and ``href_rules``
    maps prefixes of hrefs to others: ``{"https://login.example.com/data/": "s3://ours/"}``. Raises
    ``ArgumentError`` for an id that is empty or a URL, an unknown ``auth``, an endpoint that is not http(s),
    and rules that are not URL prefixes.
    """
    from rasteret_sql.stac.catalogs.catalogs import register_catalog as register_one

    register_one(
        id, endpoint=endpoint, collection=collection, title=title, licence=licence, auth=auth, bands=bands,
        alternate=alternate, href_rules=href_rules,
    )  # fmt: skip


def register_signer(
    prefix: str, signer: Callable[[str], str | Mapping[str, str]] | str | None, *, valid_s: float = 300.0
) -> None:
    """Sign what is read below a URL prefix at the moment it is read, for the whole process.

    The longest prefix wins. ``signer(href)`` gives an http(s) URL to read instead, or for an http(s) href the
    headers to send. Several threads call it at once. Its answer is used again until the URL's own query says
    that it expires, or for ``valid_s`` seconds; after a 401 or 403 it is called once more.
    ``'planetary-computer'`` asks the Planetary Computer's service, as its datasets do from the start;
    ``None`` takes a prefix's signer away. Neither signed URLs nor headers are stored, logged or shown.
    """
    from rasteret_sql.store.signing.signers import register_signer as register_one

    register_one(prefix, signer, valid_s=valid_s)


def open_xarray(
    index: Any,
    area: Any,
    *,
    bands: Sequence[str] | None = None,
    crs: str | None = None,
    resolution: float | None = None,
    resampling: str | None = None,
    mask: str | None = None,
    expression: str | None = None,
    scale: bool | None = None,
    fuse: str | None = None,
    all_touched: bool = False,
    aoi_crs: str | None = None,
    on_error: Literal["fail", "null"] = "fail",
    chunk: int = 512,
) -> xarray.Dataset:
    """The scenes of an area as a Dataset like that of ``to_xarray``, read when it is computed.

    ``index`` is the path of an index, a relation over one (``con.sql("FROM 'idx.parquet' WHERE …")``) or an
    Arrow table; ``area`` whatever ``read_cog`` takes, or a shapely geometry. The other arguments are those of
    ``read_cube``. Opening asks nothing of any file and reads no pixels. A chunk is all times and bands of a
    square of ``chunk`` pixels (-1: one chunk), which is one query when dask computes it, in threads or in
    other processes. The attribute ``byte_count`` is what all of it would download. Needs the extra
    ``xarray``.
    """
    from rasteret_sql.tensors.lazy.open import open_cube

    given = {
        "bands": None if bands is None else list(bands), "crs": crs, "resolution": resolution,
        "resampling": resampling, "mask": mask, "expression": expression, "scale": scale, "fuse": fuse,
        "all_touched": all_touched, "on_error": on_error,
    }  # fmt: skip
    return open_cube(index, area, aoi_crs=aoi_crs, chunk=chunk, options=given)


def to_geopandas(relation: Any, *, geometry: str | None = None) -> geopandas.GeoDataFrame:
    """A relation with columns of GEOMETRY as a GeoDataFrame, each with its own CRS.

    ``relation`` is what ``con.sql(…)`` gives, or an Arrow table. ``geometry`` names the active geometry: by
    default ``geometry``, ``geom`` or the first. Raises ``ArgumentError`` where no column is a GEOMETRY. Needs
    the extra ``geopandas``. The other way round, a query of ``connect()`` takes GeoDataFrames by name.
    """
    from rasteret_sql.tensors.geo_frame import geo_frame

    return geo_frame(relation, geometry, "to_geopandas")


def to_numpy(relation: Any, *, bands: Sequence[str] | None = None) -> Cube:
    """The chips or the cube of a relation as arrays: ``pixels`` (time, band, y, x), ``valid``, and places.

    ``relation`` is what ``con.sql(…)`` gives, or an Arrow table. Its rows are
    chips (all columns of ``read_cog`` or ``read_chips``, or a chip as one value) with the columns
    ``datetime`` (or ``time``, ``day``, ``date``) and ``band`` where there are any, or one row of
    ``read_cube``; other columns are not looked at. Times ascend. Bands come as the chips have them, or by
    name where they are rows of their own; ``bands`` chooses and orders them. Pixels keep their dtype; of
    chips of several, one that holds all.

    What no row has is nodata (0 where there is none) and not valid, and so are rows with an error, of which a
    ``RasteretWarning`` tells. Raises ``ArgumentError``, with the way out, for chips on several grids or of
    several shapes, one band twice at one time, no chips, and an unknown band.
    """
    from rasteret_sql.tensors.to_cube import to_cube

    return to_cube(relation, bands, "to_numpy")


def to_xarray(relation: Any, *, bands: Sequence[str] | None = None) -> xarray.Dataset:
    """The chips or the cube of a relation as a Dataset; see ``to_numpy`` for its rows.

    ``pixels`` is (time, band, y, x) in the native dtype, with ``_FillValue`` where all bands share a nodata.
    ``valid`` is (time, y, x), or has bands too where they are rows of their own. Coordinates ``x`` and ``y``
    are the centres of pixels (``xc`` and ``yc``, by row and column, of a rotated grid), ``time`` is UTC,
    ``scale`` and ``offset`` (time, band) give physical values: ``pixels * scale + offset``. ``spatial_ref``
    has CRS and transform as CF and GDAL write them, so that ``.rio`` and ``.odc`` know them. Needs the extra
    ``xarray``.
    """
    from rasteret_sql.tensors.dataset import dataset_of, imported_xarray
    from rasteret_sql.tensors.to_cube import to_cube

    imported_xarray("to_xarray")
    return dataset_of(to_cube(relation, bands, "to_xarray"), "to_xarray")


def write_virtual_zarr(con: duckdb.DuckDBPyConnection, query: str, path: str | Path) -> None:
    """Write references to the tiles of an index as a Zarr store, which Zarr's readers open without a header.

    ``query`` gives index rows with ``datetime`` and ``band``, of files with one grid, type and tiling. The
    file is kerchunk's JSON: fsspec's ``reference`` file system reads it, with ``pixels`` (time, band, y, x),
    coordinates and ``spatial_ref``. No file is asked for anything. Raises ``UnsupportedError``, by name, for
    what Zarr's own codecs do not read: predictors, LZW, strips, several bands in a file; ``ArgumentError``
    for files that differ.
    """
    from rasteret_sql.tensors.virtual_zarr import write

    write(con, query, path)
