"""Tags and files that a reader must live with: profiles, broken metadata, control points, edits, refusals."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.errors import NotGeoreferencedWarning

from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import blocks_of, image, tiff

OTHER_TAGS = {
    "XMP": (700, 1, b"<x:xmpmeta/>" * 10),
    "IPTC": (33723, 7, b"\x1c\x02\x00" * 9),
    "Photoshop": (34377, 1, b"8BIM" * 9),
    "ICC profile": (34675, 7, bytes(range(256)) * 3),
    "EXIF, an offset to nothing": (34665, 4, struct.pack("<I", 2**31)),
    "GPS, as an IFD": (34853, 13, struct.pack("<I", 8)),
    "RPC coefficients": (50844, 12, struct.pack("<92d", *range(92))),
    "ImageDescription without an end": (270, 2, b"no NUL" * 20),
    "DateTime as numbers": (306, 3, b"\1\2" * 20),
    "Artist, of a type that TIFF has not": (315, 99, b"\0" * 4),
    "private, UNDEFINED": (65001, 7, b"\xff" * 999),
    "private, rationals": (65002, 5, b"\0" * 80),
    "private, no values": (65003, 4, b""),
}


def with_tag(data: bytes, tag: int, kind: int, value: bytes) -> bytes:
    """A little-endian classic TIFF with one entry more; its first directory moves to the end."""
    widths = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8, 13: 4}
    offset = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, offset)[0]
    entries = [data[offset + 2 + 12 * i : offset + 14 + 12 * i] for i in range(count)]
    after = data[offset + 2 + 12 * count : offset + 6 + 12 * count]
    inside = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", len(data))
    stored = data if len(value) <= 4 else data + value + b"\0" * (len(value) % 2)
    entries.append(struct.pack("<HHI", tag, kind, len(value) // widths.get(kind, 1)) + inside)
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry)[0])
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + after
    return stored[:4] + struct.pack("<I", len(stored)) + stored[8:] + directory


@pytest.mark.parametrize("name", OTHER_TAGS)
def test_every_other_tag_is_skipped(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    own = image()
    plain = build_tiff(tiff(own), [blocks_of(own)])
    (tmp_path / "plain.tif").write_bytes(plain)
    (tmp_path / "a.tif").write_bytes(with_tag(plain, *OTHER_TAGS[name]))
    query = "SELECT h.crs, h.nodata, h.error, c.data, c.transform FROM cog_header($1) AS h, read_cog(h) AS c"
    found = con.execute(query, [str(tmp_path / "a.tif")]).fetchone()
    assert found == con.execute(query, [str(tmp_path / "plain.tif")]).fetchone()
    assert found[2] is None


def test_units_scales_and_broken_metadata(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    scale = '<Item name="SCALE" sample="0" role="scale">0.5</Item>'
    unit = '<Item name="UNITTYPE" sample="0" role="unittype">K</Item>'
    for name, xml in (("good", f"<GDALMetadata>{scale}{unit}</GDALMetadata>"), ("broken", f"<GDAL>{scale}")):
        own = image(gdal_metadata=xml)
        (tmp_path / f"{name}.tif").write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    query = (
        'SELECT h.scales, h."offsets", h.units, h.band_names, h.error, octet_length(c.data) '
        "FROM cog_header($1) AS h, read_cog(h) AS c"
    )
    good, broken = (con.execute(query, [str(tmp_path / f"{n}.tif")]).fetchone() for n in ("good", "broken"))
    assert good == ([0.5], None, ["K"], None, None, 960)
    assert broken == (None, None, None, None, None, 960), "its pixels are there all the same"


def test_control_points_go_through_an_index(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    points = [
        rasterio.control.GroundControlPoint(row, col, 10 + col / 10, 50 - row / 10, float(row))
        for row, col in ((0, 0), (0, 4), (4.5, 0), (4, 4))
    ]
    path = tmp_path / "gcps.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", width=5, height=5, count=1, dtype="uint8") as dataset:
            dataset.gcps = (points, rasterio.CRS.from_epsg(4326))
            dataset.write(np.arange(25, dtype=np.uint8).reshape(1, 5, 5))
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(path)])
    con.execute(f"COPY idx TO '{tmp_path}/idx.parquet'")
    row = con.execute(
        f"SELECT crs, footprint, transform, gcps_crs, gcps FROM '{tmp_path}/idx.parquet'"
    ).fetchone()
    assert row[:4] == (None, None, [1, 0, 0, 0, 1, 0], "EPSG:4326")
    assert row[4] == [{"row": p.row, "col": p.col, "x": p.x, "y": p.y, "z": p.z} for p in points]
    data = con.execute(f"SELECT data FROM '{tmp_path}/idx.parquet' AS i, read_cog(i)").fetchone()[0]
    assert data == bytes(range(25))


def test_an_index_of_an_older_version_has_fewer_columns(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    own = image()
    (tmp_path / "a.tif").write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(tmp_path / "a.tif")])
    con.execute("CREATE TABLE old AS SELECT * EXCLUDE (units, gcps, gcps_crs) FROM idx")
    rows = [
        con.execute(f"SELECT c.* FROM {table} AS i, read_cog(i) AS c").fetchall() for table in ("idx", "old")
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 1


LOCAL = {
    "local": ({1024: 32767, 1026: "site", 3076: 9002}, "ENGCRS"),
    "geocentric": ({1024: 3, 2048: 4978}, "EPSG:4978"),
    "Mars": ({1024: 2, 2057: 3396190.0, 2059: 169.894447223612}, "GEOGCRS"),
    "heights": ({1024: 2, 2048: 4326, 4096: 4979}, "EPSG:4979"),
    "compound": ({1024: 1, 3072: 32632, 4096: 5703}, "COMPOUNDCRS"),
    "compound with a code": ({1024: 1, 3072: 27700, 4096: 5701}, "EPSG:7405"),
}


@pytest.mark.parametrize("name", LOCAL)
def test_every_kind_of_crs_gives_a_header_and_pixels(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    keys, start = LOCAL[name]
    own = image(
        geo_keys=keys,
        geo_minor_revision=1,
        model_tiepoint=(0.0, 0.0, 0.0, *((5e5, 5.3e6) if 3072 in keys else (10.0, 50.0)), 0.0),
        model_pixel_scale=(0.001, 0.001, 0.0),
    )
    (tmp_path / "a.tif").write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    query = (
        "SELECT h.error, h.crs, h.footprint IS NULL, octet_length(c.data) "
        "FROM cog_header($1) AS h, read_cog(h, {'x_off': 0, 'y_off': 0, 'width': 9, 'height': 9}) AS c"
    )
    error, crs, nowhere, size = con.execute(query, [str(tmp_path / "a.tif")]).fetchone()
    assert (error, size) == (None, 81)
    assert crs.startswith(start)
    assert nowhere == (name in ("local", "geocentric", "Mars"))


def test_heights_move_no_pixel(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, keys in (("flat", {}), ("high", {4096: 5703})):
        own = image(geo_keys={1024: 1, 3072: 32632, **keys}, geo_minor_revision=1)
        (tmp_path / f"{name}.tif").write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    query = (
        "SELECT ST_AsText(h.footprint), c.transform, c.data, c.valid FROM cog_header($1) AS h, "
        "read_cog(h, 'POLYGON ((9.0005 47.8528, 9.003 47.8528, 9.002 47.853, 9.0005 47.8528))') AS c"
    )
    rows = [con.execute(query, [str(tmp_path / f"{name}.tif")]).fetchall() for name in ("flat", "high")]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 1


def test_an_area_in_the_rasters_own_local_crs_is_placed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    own = image(geo_keys=LOCAL["local"][0])
    (tmp_path / "a.tif").write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(tmp_path / "a.tif")])
    shape = con.execute(
        "SELECT c.shape FROM idx AS i, "
        "read_cog(i, [500000, 5299900, 500050, 5300000]::DOUBLE[4], aoi_crs := i.crs) AS c"
    ).fetchone()
    assert shape == ([1, 10, 5],)
    with pytest.raises(duckdb.InvalidInputException, match="no transformation from CRS 'OGC:CRS84' to"):
        con.execute("SELECT c.shape FROM idx AS i, read_cog(i, [9, 9, 9.1, 9.1]::DOUBLE[4]) AS c").fetchall()


def test_a_cog_edited_in_place_is_read_as_it_is_now(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Its ghost area still promises the order of a COG, and BLOCK_LEADER's sizes: neither is relied upon."""
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(3).integers(0, 200, (1, 300, 300)).astype(np.uint16)
    profile = {"width": 300, "height": 300, "count": 1, "dtype": "uint16", "crs": "EPSG:32632"}
    transform = rasterio.Affine(10, 0, 5e5, 0, -10, 5.3e6)
    with rasterio.open(
        path, "w", driver="COG", compress="deflate", blocksize=128, transform=transform, **profile
    ) as dataset:
        dataset.write(pixels)
    query = (
        "SELECT h.ghost, h.overviews[1].width, c.data, c.transform FROM cog_header($1) AS h, read_cog(h) AS c"
    )
    before = con.execute(query, [str(path)]).fetchone()
    assert before[0]["BLOCK_LEADER"] == "SIZE_AS_UINT4"
    pixels[0, 100:220, 30:290] = np.random.default_rng(4).integers(0, 60000, (120, 260))
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.write(pixels)
        dataset.nodata = 7
        dataset.transform = transform @ rasterio.Affine.translation(3, 4)
    after = con.execute(query, [str(path)]).fetchone()
    assert after[0]["KNOWN_INCOMPATIBLE_EDITION"] == "YES"
    assert after[2] == pixels.tobytes()
    assert after[3] == [10, 0, 500030, 0, -10, 5299960]
    for level in (0, 1):
        data, shape = con.execute(
            "SELECT data, shape FROM read_cog($1, level := $2)", [str(path), level]
        ).fetchone()
        options = {} if level == 0 else {"OVERVIEW_LEVEL": level - 1}
        with rasterio.open(path, **options) as dataset:
            np.testing.assert_array_equal(np.frombuffer(data, np.uint16).reshape(shape), dataset.read())


def test_a_false_ghost_area_changes_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    own = image()
    ghost = {
        "LAYOUT": "IFDS_BEFORE_DATA",
        "BLOCK_ORDER": "ROW_MAJOR",
        "BLOCK_LEADER": "SIZE_AS_UINT4",
        "BLOCK_TRAILER": "LAST_4_BYTES_REPEATED",
        "MASK_INTERLEAVED_WITH_IMAGERY": "YES",
    }
    for name, promises in (("plain", {}), ("false", ghost)):
        (tmp_path / f"{name}.tif").write_bytes(build_tiff(tiff(own, **promises), [blocks_of(own)]))
    query = "SELECT c.data, c.valid FROM cog_header($1) AS h, read_cog(h) AS c"
    rows = [con.execute(query, [str(tmp_path / f"{n}.tif")]).fetchone() for n in ("plain", "false")]
    assert rows[0] == rows[1]
    assert con.execute("SELECT ghost FROM cog_header($1)", [str(tmp_path / "false.tif")]).fetchone() == (
        ghost,
    )


# Refusals

UNREADABLE = {
    "codec": (image(compression="sgilog"), "SGILog compression is not read"),
    "unknown codec": (image(compression="unknown (4242)"), r"unknown \(4242\) compression is not read"),
    "predictor": (image(predictor=7), "predictor 7 is not read"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_read_is_refused_in_the_header_and_by_every_reader(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    own, told = UNREADABLE[name]
    path = str(tmp_path / "a.tif")
    Path(path).write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    row = dict(zip(names(con), con.execute("FROM cog_header($1)", [path]).fetchone(), strict=True))
    assert row.pop("href") == path
    with pytest.raises(AssertionError, match=rf"a\.tif: {told}"):
        raise AssertionError(row.pop("error"))
    assert set(row.values()) == {None}
    for function in ("read_cog", "read_cog_tiles"):
        with pytest.raises(duckdb.InvalidInputException, match=rf"{function}: .*a\.tif: {told}"):
            con.execute(f"SELECT data FROM {function}($1)", [path]).fetchall()
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [path])
    with pytest.raises(duckdb.InvalidInputException, match=f"could not be read when it was indexed .{told}"):
        con.execute("SELECT data FROM idx AS i, read_cog(i)").fetchall()
    assert con.execute(
        "SELECT count(data) FROM (FROM idx WHERE error IS NULL) AS i, read_cog(i)"
    ).fetchone() == (0,)


def names(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for name, *_ in con.execute("DESCRIBE FROM cog_header('x')").fetchall()]


def test_a_mask_that_is_not_read_is_refused_too(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    mask = image(subfile_type=4, photometric="mask", compression="sgilog")
    (tmp_path / "a.tif").write_bytes(build_tiff(tiff(image(), mask), [blocks_of(image()), blocks_of(mask)]))
    error = con.execute("SELECT error FROM cog_header($1)", [str(tmp_path / "a.tif")]).fetchone()[0]
    assert "a.tif: SGILog compression is not read" in error


def test_an_overview_that_is_not_read_is_refused_when_it_is_wanted(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    half = image(width=20, height=12, subfile_type=1, compression="sgilog")
    path = str(tmp_path / "a.tif")
    Path(path).write_bytes(build_tiff(tiff(image(), half), [blocks_of(image()), blocks_of(half)]))
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [path])
    assert con.execute("SELECT error, len(overviews) FROM idx").fetchone() == (None, 1)
    assert con.execute("SELECT octet_length(data) FROM idx AS i, read_cog(i)").fetchone() == (960,)
    with pytest.raises(duckdb.InvalidInputException, match=r"a\.tif: SGILog compression is not read"):
        con.execute("SELECT data FROM idx AS i, read_cog(i, level := 1)").fetchall()


def test_bands_of_two_widths_are_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = str(tmp_path / "a.tif")
    tifffile.imwrite(path, np.zeros((4, 4, 2), np.uint8), photometric="minisblack", planarconfig="contig")
    data = bytearray(Path(path).read_bytes())
    at = data.index(struct.pack("<HHIHH", 258, 3, 2, 8, 8))
    data[at : at + 12] = struct.pack("<HHIHH", 258, 3, 2, 8, 16)
    Path(path).write_bytes(bytes(data))
    error = con.execute("SELECT error FROM cog_header($1)", [path]).fetchone()[0]
    assert "a.tif: IFD 0" in error
    told = "bands of different widths are not read"
    assert told in error
    with pytest.raises(duckdb.InvalidInputException, match=rf"a\.tif: .*{told}"):
        con.execute("SELECT data FROM read_cog($1)", [path]).fetchall()
