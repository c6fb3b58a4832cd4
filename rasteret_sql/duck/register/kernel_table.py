"""The kernels that the SQL macros call, and the guard that turns our errors into DuckDB's.

A kernel takes the columns of one vector and gives one value per row. What it raises on purpose travels beside
the value, and the macros hand it to DuckDB's ``error()``: so a message arrives without a Python traceback,
and alike in every host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.register.kernel_columns import COLUMNS
from rasteret_sql.duck.register.threads import on_own_thread
from rasteret_sql.errors import InterruptionError, NotSentError, RasteretError, RasteretWarning
from rasteret_sql.interruption import Pressed
from rasteret_sql.store.access import Ask, Policy, governed_by

PREFIX = "_rasteret_"
NUMBER = PREFIX + "instance"
"""The function whose type says which database of this process this is; nothing ever calls it."""
KNOWN = f"typeof({NUMBER}(0))"
"""SQL of that type, as ``_rasteret_database()``."""
SHELLS = 0
"""The number of every database that has the kernels by the extension for the shell."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """One Python function behind the macros."""

    name: str
    serves: str
    """The public function that error messages name."""
    returns: str
    """DuckDB type of the value a row."""
    module: str
    """Imported when the kernel is first called."""
    volatile: bool = True
    """Whether DuckDB calls it for every row, and only while a query runs: what reads files, asks servers or
    tells of this process. Others may be called once for a constant, by EXPLAIN and PREPARE too."""
    told_query: bool = False
    """Whether its last column says which query calls: ``_rasteret_query()``. Others are told by a column
    that they need themselves, see ``metered``."""
    answers_pixels: bool = False
    """Whether its answer is pixels, of which a plan has none."""
    searches: bool = False
    """Whether it asks catalogues or folders, which a plan does not."""

    @property
    def result_type(self) -> str:
        """The DuckDB type that crosses: the value, or why there is none."""
        return f"STRUCT(value {self.returns}, error VARCHAR)"

    def bind(self, ask: Ask) -> Callable[..., Any]:
        """The callable for the Python connections of one database: Arrow columns in, one Arrow array out.

        ``ask`` asks that database what may be opened.
        """

        def call(*columns: Any) -> Any:
            try:
                return self.run(columns, ask)
            except InterruptionError as error:
                return self._refusal(error, len(columns[0]))
            except Exception as error:  # a fault of ours is told in a sentence, too
                _log(self.name)
                return self._refusal(RasteretError(unexpected(error)), len(columns[0]))

        return call

    def run(self, columns: Sequence[Any], ask: Ask, pressed: Pressed | None = None) -> Any:
        """One Arrow array for the columns of a vector; ``pressed`` tells of Ctrl-C where Python does not."""
        policy = Policy(ask)

        def governed() -> Any:
            with governed_by(policy):
                return self._run(columns)

        return on_own_thread(governed, pressed)

    def _run(self, columns: Sequence[Any]) -> Any:
        from rasteret_sql import metering
        from rasteret_sql.duck.arguments.arguments import combined
        from rasteret_sql.duck.arguments.call import Call
        from rasteret_sql.duck.arrow.arrays import array_of, guarded
        from rasteret_sql.duck.register.metered import meter_of, note_areas

        arrays = [combined(column) for column in columns]
        names = COLUMNS.get(self.name)
        meter = meter_of(arrays, names, told_query=self.told_query)
        if self.told_query:
            arrays, rows = arrays[:-1], len(arrays[-1])
        else:
            rows = len(arrays[0])
        try:
            run = getattr(import_module(self.module), self.name)
            given = arrays if names is None else [Call(dict(zip(names, arrays, strict=True)))]
            with metering.running(meter, self.serves, answers_pixels=self.answers_pixels):
                if meter is not None and meter.planning is not None:
                    note_areas(meter, self.serves, arrays, names)
                    if self.searches and not meter.planning.look_up:
                        return guarded(array_of([None] * rows, self.returns))
                return guarded(array_of(run(*given), self.returns))
        except NotSentError:
            return guarded(array_of([None] * rows, self.returns))
        except (RasteretError, RasteretWarning) as error:  # Python may be told to take warnings for errors
            return self._refusal(error, rows)

    def _refusal(self, error: RasteretError | RasteretWarning, rows: int) -> Any:
        """An error in place of every row."""
        from rasteret_sql.duck.arrow.arrays import array_of

        return array_of([{"error": self.message(error)}] * rows, self.result_type)

    def message(self, error: RasteretError | RasteretWarning) -> str:
        """The text that a SQL user sees."""
        text = str(error)
        return text if text.startswith(f"{self.serves}:") else f"{self.serves}: {text}"


def unexpected(error: BaseException) -> str:
    """What is said of a fault of ours."""
    return f"failed unexpectedly ({type(error).__name__}: {' '.join(str(error).split())[:300]})"


def _log(name: str) -> None:
    """The traceback, for who listens to Python's logging at level DEBUG."""
    import logging

    logging.getLogger(__name__).debug("%s failed", name, exc_info=True)


def told(number: int) -> str:
    """The type that tells the number of a database."""
    return f'STRUCT("{number}" INTEGER)'


def _kernel(module: str, name: str, serves: str, returns: str) -> Kernel:
    return Kernel(name=name, serves=serves, returns=returns, module=f"rasteret_sql.duck.kernels.{module}")


def _told(
    module: str,
    name: str,
    serves: str,
    returns: str,
    *,
    answers_pixels: bool = False,
    searches: bool = False,
) -> Kernel:
    """A kernel whose last column says which query calls."""
    return replace(
        _kernel(module, name, serves, returns),
        told_query=True,
        answers_pixels=answers_pixels,
        searches=searches,
    )


def _pure(module: str, name: str, serves: str, returns: str) -> Kernel:
    """A kernel whose answer depends on its arguments alone."""
    return replace(_kernel(module, name, serves, returns), volatile=False)


@lru_cache(maxsize=1)
def kernels() -> dict[str, Kernel]:
    """Every kernel by name."""
    from rasteret_sql.stac.items.item_type import ITEM_TYPE

    settings_type = (
        'STRUCT(name VARCHAR, value VARCHAR, "default" VARCHAR, unit VARCHAR, description VARCHAR, '
        "in_use UBIGINT)[]"
    )
    table = [
        replace(_kernel("search", "stac_search", "stac_search", f"{ITEM_TYPE}[]"), searches=True),
        replace(_kernel("search", "stac_read", "stac_read", f"{ITEM_TYPE}[]"), searches=True),
        _told("search", "stac_collections", "stac_collections", types.COLLECTION + "[]", searches=True),
        _kernel("search", "asset_keys", "cog_index", "VARCHAR[]"),
        _kernel("search", "stac_catalogs", "stac_catalogs", types.CATALOG + "[]"),
        _kernel("explain", "explain", "rasteret_explain", types.QUERY_PLAN + "[]"),
        _pure("explain", "planned_text", "rasteret_explain", "VARCHAR"),
        _kernel("explain", "last_query", "rasteret_last_query", types.QUERY_READ + "[]"),
        _told("headers", "cog_header", "cog_header", types.HEADER),
        _kernel("headers", "unsigned_href", "build_index", "VARCHAR"),
        _kernel("headers", "unsigned_fields", "write_items", "VARCHAR"),
        _kernel("headers", "cog_windows", "cog_windows", types.WINDOW_ROW + "[]"),
        _told("files", "cog_files", "cog_files", types.FILE + "[]", searches=True),
        _kernel("files", "file_states", "validate_index", types.FILE_STATE),
        _pure("extents", "geometry_bbox", "rasteret_bbox", types.BBOX),
        _pure("extents", "hilbert", "rasteret_hilbert", "UINTEGER"),
        _pure("extents", "meeting", "read_pairs", "UBIGINT[][]"),
        _pure("extents", "wkb", "read_rasteret", "BLOB"),
        _pure("extents", "geojson_wkb", "write_items", "BLOB"),
        _pure("tile_tables", "pack_tiles", "write_index", types.PACKED_TILE_TABLES),
        _pure("tile_tables", "unpack_tiles", "write_index", types.TILE_TABLES),
        _told("facts", "metadata", "RS_MetaData", types.METADATA),
        _told("facts", "raster_facts", "RS_MetaData", types.FACTS),
        _told("facts", "outlines", "RS_ConvexHull, RS_Envelope", types.OUTLINES),
        _kernel("facts", "band_facts", "RS_BandNoDataValue, RS_BandPixelType", types.BAND_FACTS),
        _pure("facts", "chip_facts", "read_cog", types.CHIP_FACTS),
        _kernel("chips", "plan_tiles", "read_cog_tiles", types.TILE_PLAN + "[]"),
        _kernel("chips", "plan_chips", "read_cog", types.CHIP_PLAN + "[]"),
        _told("chips", "read_tiles", "read_cog_tiles", types.PIXELS, answers_pixels=True),
        _told("chips", "read_chips", "read_cog", types.PIXELS, answers_pixels=True),
        _kernel("cubes.plan_cubes", "plan_cubes", "read_cube", types.CUBE_PLAN + "[]"),
        _told("cubes.read_cubes", "read_cubes", "read_cube", types.CUBE_PIXELS, answers_pixels=True),
        _kernel("cubes.stack", "stack", "RS_Stack", types.CUBE),
        _kernel("cubes.burn", "burn", "RS_Burn", types.CHIP),
        _kernel("warps", "reproject_match", "RS_ReprojectMatch", types.CHIP),
        _kernel("warps", "transform", "RS_Transform", types.CHIP),
        _kernel("warps", "resample", "RS_Resample", types.CHIP),
        _kernel("grids", "as_array", "RS_AsArray", "DOUBLE[][]"),
        _kernel("cubes.cube_values", "cube_as_array", "RS_AsArray", "DOUBLE[][][]"),
        _kernel("points", "value", "RS_Value", "DOUBLE"),
        _kernel("points", "band_values", "RS_Value", "DOUBLE[]"),
        _kernel("points", "values", "RS_Values", "DOUBLE[]"),
        _kernel("points", "values_of_bands", "RS_Values", "DOUBLE[][]"),
        _kernel("clips", "clip", "RS_Clip", types.CHIP),
        _kernel("clips", "mosaic_of_chips", "RS_Mosaic", types.CHIP),
        _kernel("centroids", "pixel_centroids", "RS_PixelAsCentroids", types.PIXEL + "[]"),
        _kernel("encoders", "as_png", "RS_AsPNG", "BLOB"),
        _kernel("encoders", "as_geotiff", "RS_AsGeoTiff", "BLOB"),
        _kernel("encoders", "as_npy", "RS_AsNPY", "BLOB"),
        _kernel("zonal", "zonal_stats", "RS_ZonalStats", "DOUBLE"),
        _kernel("zonal", "zonal_stats_all", "RS_ZonalStatsAll", types.ZONAL_STATS),
        _kernel("zonal", "histogram", "RS_Histogram", types.BIN + "[]"),
        _pure("stats_merge", "stats_merge", "RS_StatsMerge", types.ZONAL_STATS),
        _kernel("expressions", "map_algebra", "RS_MapAlgebra", types.CHIP),
        _kernel("about", "functions", "rasteret_functions", types.FUNCTION + "[]"),
        _kernel("about", "requests", "rasteret_requests", types.REQUEST + "[]"),
        _kernel("about", "settings_table", "rasteret_settings", settings_type),
    ]
    return {kernel.name: kernel for kernel in table}
