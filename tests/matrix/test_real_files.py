"""Real files made by others: every table of every directory, and windows of every level, also the largest."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
import rasterio
import tifffile
from rasterio.windows import Window

from rasteret_sql.tiff.tags import COMPRESSIONS, PHOTOMETRICS
from tests.matrix.disagreements import Disagreement, expected_real
from tests.matrix.readers import (
    Level,
    ReaderError,
    by_sql,
    by_tifffile,
    compare,
    differences,
    farthest,
    levels_of,
)
from tests.matrix.refusals import REFUSED

pytestmark = [
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]
BROKEN = "rasterio/corrupt.tif"
"""Its first block is not a JPEG; rasterio says that the read failed."""
SMALL = 4_000_000
"""Samples of a file's full resolution up to which all of it is read again by tifffile."""
WINDOW = 150


@pytest.fixture(scope="module")
def manifest(shared_data: Path, cog_manifest: list[dict[str, Any]]) -> dict[Path, dict[str, Any]]:
    folder = shared_data / "cog"
    return {folder / about["file"]: about for about in cog_manifest}


def refused_real() -> dict[str, str]:
    """Real files that are refused, and a part of the message."""
    return {name: row.message for row in REFUSED for name in row.real}


@pytest.fixture(scope="module")
def headers(module_con: duckdb.DuckDBPyConnection, manifest: dict[Path, Any]) -> dict[Path, dict[str, Any]]:
    """The header of every file that is read."""
    query = "SELECT h.* FROM unnest($1) AS f(href), cog_header(f.href) AS h"
    cursor = module_con.execute(query, [[str(path) for path in manifest]])
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {Path(row["href"]): row for row in rows}


def test_refused_files_say_so(headers, manifest, con):
    refused = refused_real()
    found = {manifest[path]["file"] for path, header in headers.items() if header["error"] is not None}
    assert found == set(refused)
    for path, about in manifest.items():
        if about["file"] in refused:
            for read in (headers[path]["error"], read_error(con, path)):
                assert path.name in read
                assert refused[about["file"]] in read


def read_error(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    reading = by_sql(con, {path: 1})[path]
    assert isinstance(reading, ReaderError)
    return str(reading)


def test_a_broken_block_is_an_error_that_names_the_file(con, manifest):
    path = next(path for path, about in manifest.items() if about["file"] == BROKEN)
    assert manifest[path]["pixels"] == [{"error": "Read failed. See previous exception for details."}]
    assert path.name in read_error(con, path)


def test_the_tables_of_every_directory_are_tifffiles(headers):
    compared = 0
    for path, header in headers.items():
        if header["error"] is not None:
            continue
        with tifffile.TiffFile(path) as file:
            full, *reduced = levels_of(file)
            masks = {(page.imagewidth, page.imagelength): page for page in file.pages if page.subfiletype & 4}
            for own, page in zip([header, *header["overviews"]], [full, *reduced], strict=True):
                assert table_of_row(own) == table_of_page(page), (path.name, page.index)
                if own["mask"] is not None:
                    mask = masks[own["width"], own["height"]]
                    assert table_of_row(own["mask"]) == table_of_page(mask), (path.name, mask.index)
                    compared += 1
                compared += 1
    assert compared > 200


def table_of_row(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        *("width", "height", "tile_width", "tile_height", "tiled", "bits_per_sample", "compression"),
        *("predictor", "interleave", "photometric", "tile_offsets", "tile_byte_counts", "jpeg_tables"),
        "lerc_parameters",
    )
    return {name: row[name] for name in names}


def table_of_page(page: tifffile.TiffPage) -> dict[str, Any]:
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    lerc = page.tags.get("LercParameters")
    return {
        "width": page.imagewidth,
        "height": page.imagelength,
        "tile_width": page.tilewidth if page.is_tiled else page.imagewidth,
        "tile_height": rows,
        "tiled": page.is_tiled,
        "bits_per_sample": page.bitspersample,
        "compression": COMPRESSIONS[page.compression],
        "predictor": page.predictor,
        "interleave": {1: "pixel", 2: "band"}[page.planarconfig],
        "photometric": PHOTOMETRICS[page.photometric],
        "tile_offsets": list(page.dataoffsets),
        "tile_byte_counts": list(page.databytecounts),
        "jpeg_tables": page.jpegtables,
        "lerc_parameters": None if lerc is None else list(lerc.value),
    }


def test_what_else_the_manifest_tells(headers, manifest):
    for path, about in manifest.items():
        header, theirs = headers[path], about["rasterio"]
        if header["error"] is not None:
            continue
        assert header["file_size"] == about["bytes"]
        assert header["byte_order"] == about["endian"]
        assert bool(header["ghost"]) == about["ghost"]
        if theirs["layout"] == "COG":
            assert header["ghost"].get("LAYOUT") == "IFDS_BEFORE_DATA" or not header["ghost"]
        alpha = [kind.endswith("alpha") for kind in header["extra_samples"]]
        assert any(alpha) == ("alpha" in theirs["colorinterp"])
        assert len(header["gcps"] or ()) == theirs["gcps"]
        assert (header["colormap"] is not None) == (about["ifds"][0]["photometric"] == "PALETTE")


def window_of(width: int, height: int, seed: str) -> Window:
    choose = random.Random(seed)
    x, y = (choose.randrange(max(1, size - WINDOW)) for size in (width, height))
    return Window(x, y, min(WINDOW, width - x), min(WINDOW, height - y))


def test_a_window_of_every_level_is_rasterios(con, headers, manifest):
    """Also of the levels that are too large for the manifest to hold a digest."""
    wanted = []
    for path, header in headers.items():
        if header["error"] is None and manifest[path]["file"] != BROKEN:
            for number, level in enumerate([header, *header["overviews"]]):
                window = window_of(level["width"], level["height"], f"{path.name} {number}")
                wanted.append((path, number, window))
    query = """
    SELECT f.href, f.level, c.dtype, c.shape, c.data, c.valid, c.transform
    FROM (SELECT unnest($1, recursive := true)) AS f(href, level, x_off, y_off, width, height),
         read_cog(f.href, {'x_off': f.x_off, 'y_off': f.y_off, 'width': f.width, 'height': f.height},
                  level := f.level) AS c
    """
    arguments = [
        {
            "href": str(path),
            "level": number,
            "x_off": w.col_off,
            "y_off": w.row_off,
            "width": w.width,
            "height": w.height,
        }
        for path, number, w in wanted
    ]
    rows = con.execute(query, [arguments]).fetchall()
    found = {(Path(href), level): Level.of_row(*row) for href, level, *row in rows}
    assert len(found) == len(wanted) > 170
    for path, number, window in wanted:
        file, options = manifest[path]["file"], {} if number == 0 else {"overview_level": number - 1}
        with rasterio.open(path, **options) as dataset:
            theirs = Level(
                pixels=dataset.read(window=window),
                valid=dataset.dataset_mask(window=window) > 0,
                transform=tuple(dataset.window_transform(window))[:6],
            )
        own = found[path, number]
        rows_of_table = expected_real(file, "gdal")
        assert differences([own], [theirs]) <= set(rows_of_table), (file, number)
        check_distance(rows_of_table, [own], [theirs])


def check_distance(rows: dict[str, Disagreement], own: list[Level], theirs: list[Level]) -> None:
    within = rows["pixels"].within if "pixels" in rows else None
    assert within is None or farthest(own, theirs) <= within


def test_whole_small_files_are_tifffiles(con, headers, manifest):
    """A second reader that shares no code with GDAL."""
    small = {
        path: 1 + len(header["overviews"])
        for path, header in headers.items()
        if header["error"] is None
        and manifest[path]["file"] != BROKEN
        and header["width"] * header["height"] * header["band_count"] <= SMALL
    }
    assert len(small) > 55
    for path, own in by_sql(con, small).items():
        file = manifest[path]["file"]
        rows = expected_real(file, "tifffile")
        theirs, found = compare(own, by_tifffile, path)
        assert found == set(rows), file
        check_distance(rows, own, theirs or own)
