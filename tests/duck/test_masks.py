"""Internal masks with a sample for each band, and masks that some overviews lack: beside GDAL's masks."""

import duckdb
import numpy as np
import pytest
import rasterio

from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import image, tiff

HEIGHT, WIDTH, BANDS = 40, 56, 3
PIXELS = (np.arange(BANDS * HEIGHT * WIDTH) % 251).astype("u1").reshape(BANDS, HEIGHT, WIDTH)
SAME = np.zeros((BANDS, HEIGHT, WIDTH), bool)
SAME[:, 6:31, 10:50] = True
OTHER = SAME.copy()
OTHER[1, 20:] = False
OTHER[2] = np.random.default_rng(5).random((HEIGHT, WIDTH)) < 0.5
WINDOW = {"x_off": 5, "y_off": 3, "width": 45, "height": 30}


def blocks(samples: np.ndarray, size: int, bits: int, interleave: str) -> list[bytes]:
    """Uncompressed tiles of ``(bands, rows, columns)``."""
    groups = [samples] if interleave == "pixel" else [band[None] for band in samples]
    found = []
    for group in groups:
        rows, columns = group.shape[1:]
        padded = np.pad(group, ((0, 0), (0, -rows % size), (0, -columns % size))).transpose(1, 2, 0)
        for y in range(0, rows, size):
            for x in range(0, columns, size):
                tile = padded[y : y + size, x : x + size].reshape(size, -1)
                found.append(np.packbits(tile > 0, axis=1).tobytes() if bits == 1 else tile.tobytes())
    return found


def write(path, masks, *, bits=8, interleave="pixel", of_mask="pixel", overviews=(), masked=(1, 2), size=32):
    """An image and its mask; ``overviews``: steps of reduced images, ``masked``: of those with a mask."""
    images, stored = [], []
    for step in (1, *overviews):
        pixels, seen = PIXELS[:, ::step, ::step], masks[:, ::step, ::step]
        reduced, shape = int(step > 1), {"width": pixels.shape[2], "height": pixels.shape[1]}
        images.append(image(**shape, band_count=BANDS, interleave=interleave, subfile_type=reduced,
                            extra_samples=("unspecified",) * 2))  # fmt: skip
        stored.append(blocks(pixels, 16, 8, interleave))
        if step in masked:
            shape |= {"tile_width": size, "tile_height": size, "bits_per_sample": bits, "photometric": "mask"}
            images.append(image(**shape, band_count=len(seen), interleave=of_mask, subfile_type=4 | reduced))
            stored.append(blocks(seen.astype("u1") * 255, size, bits, of_mask))
    path.write_bytes(build_tiff(tiff(*images), stored))
    return str(path)


def valid_of(con, path, bands=None, level=0):
    query = "SELECT valid, shape FROM read_cog($1, bands := $2, level := $3)"
    valid, shape = con.execute(query, [path, bands, level]).fetchone()
    return np.ones(shape[1:], bool) if valid is None else np.frombuffer(valid, bool).reshape(shape[1:])


LAYOUTS = [
    (8, "pixel", "pixel"),
    (1, "pixel", "pixel"),
    (8, "band", "band"),
    (1, "band", "pixel"),
    (1, "pixel", "band"),
]


@pytest.mark.parametrize("masks", [SAME, OTHER], ids=["one shape", "three shapes"])
@pytest.mark.parametrize(("bits", "interleave", "of_mask"), LAYOUTS)
def test_each_band_has_its_own_mask_as_in_gdal(con, tmp_path, masks, bits, interleave, of_mask):
    path = write(tmp_path / "a.tif", masks, bits=bits, interleave=interleave, of_mask=of_mask, overviews=(2,))
    with rasterio.open(path) as file, rasterio.open(path, overview_level=0) as half:
        for band in (1, 2, 3):
            assert np.array_equal(valid_of(con, path, [band]), file.read_masks(band) > 0), band
            assert np.array_equal(valid_of(con, path, [band], 1), half.read_masks(band) > 0), band
        assert np.array_equal(valid_of(con, path), file.dataset_mask() > 0)
    assert np.array_equal(valid_of(con, path, [2, 3]), masks[1] | masks[2])
    (count,) = con.execute("SELECT mask_bands FROM cog_header($1)", [path]).fetchone()
    assert count == 3


@pytest.mark.parametrize("size", [16, 32])
def test_statistics_of_small_zones_where_the_mask_is_cut_into_other_tiles(con, tmp_path, size):
    path = write(tmp_path / "a.tif", OTHER[2:], size=size)
    part = np.s_[3:33, 5:50]
    want = float(PIXELS[1][part][OTHER[2][part]].sum())
    assert con.execute("SELECT RS_ZonalStats($1, $2, 2, 'sum')", [path, WINDOW]).fetchone() == (want,)


@pytest.mark.parametrize("of_mask", ["pixel", "band"])
@pytest.mark.parametrize("size", [16, 32])
def test_statistics_points_and_expressions_go_by_the_bands_that_they_use(con, tmp_path, of_mask, size):
    path = write(tmp_path / "a.tif", OTHER, of_mask=of_mask, size=size)
    con.execute("CREATE OR REPLACE TABLE idx AS FROM cog_header($1)", [path])
    part = np.s_[3:33, 5:50]
    for band in (1, 2, 3):
        seen = OTHER[band - 1][part]
        want = float(PIXELS[band - 1][part][seen].sum()), float(seen.sum())
        for raster in ("$1", "(SELECT i FROM idx AS i WHERE $1 IS NOT NULL)"):
            query = f"SELECT s.sum, s.count FROM (SELECT RS_ZonalStatsAll({raster}, $2, {band}) AS s)"
            assert con.execute(query, [path, WINDOW]).fetchone() == want, (band, raster)
        found = [
            con.execute(
                f"SELECT RS_Value($1, $2::DOUBLE[], {band}, aoi_crs := 'EPSG:32632')", [path, point]
            ).fetchone()[0]
            for point in [[500005 + 10 * x, 5299995 - 10 * y] for y in (7, 21, 30) for x in (10, 24, 49)]
        ]
        places = [(y, x) for y in (7, 21, 30) for x in (10, 24, 49)]
        assert found == [float(PIXELS[band - 1, y, x]) if OTHER[band - 1, y, x] else None for y, x in places]
    both = (OTHER[0] & OTHER[2])[part]
    want = float((PIXELS[0].astype(int) + PIXELS[2])[part][both].sum())
    sums = "SELECT RS_ZonalStats($1, $2, 1, 'sum', expression := 'b1::INT + b3')"
    assert con.execute(sums, [path, WINDOW]).fetchone() == (want,)
    chips = "SELECT valid FROM read_cog($1, $2, expression := 'b1::INT + b3')"
    (valid,) = con.execute(chips, [path, WINDOW]).fetchone()
    assert np.array_equal(np.frombuffer(valid, bool).reshape(both.shape), both)
    algebra = "SELECT RS_MapAlgebra('b1::INT + b3', $1, aoi := $2).valid"
    assert con.execute(algebra, [path, WINDOW]).fetchone() == (valid,)


@pytest.mark.parametrize("bands", [[1], [2, 3], [3, 1], None])
@pytest.mark.parametrize(
    ("mask", "used"), [("b3 % 5 <> 2", [3]), ("b1 > 7 AND b2 < 240", [1, 2]), ("b2 IS NOT NULL", [2])]
)
def test_under_a_mask_any_answered_band_and_each_of_the_condition_has_to_be_there(
    con, tmp_path, bands, mask, used
):
    """rasterio's ``dataset_mask`` of the answered bands, and the condition where it has its own bands."""
    path = write(tmp_path / "a.tif", OTHER)
    with rasterio.open(path) as file:
        answered = np.any([file.read_masks(band) > 0 for band in bands or (1, 2, 3)], axis=0)
        there = np.all([file.read_masks(band) > 0 for band in used], axis=0)
        b1, b2, b3 = file.read().astype(int)
    true = {"b3 % 5 <> 2": b3 % 5 != 2, "b1 > 7 AND b2 < 240": (b1 > 7) & (b2 < 240)}.get(mask, True)
    want = answered & there & true
    query = "SELECT valid FROM read_cog($1, bands := $2, mask := $3)"
    (valid,) = con.execute(query, [path, bands, mask]).fetchone()
    assert np.array_equal(np.frombuffer(valid, bool).reshape(HEIGHT, WIDTH), want)
    band = (bands or [1])[0]
    seen = there & true & OTHER[band - 1]
    whole = {"x_off": 0, "y_off": 0, "width": WIDTH, "height": HEIGHT}
    sums = "SELECT RS_ZonalStats($1, $2, $3, 'sum', mask := $4)"
    assert con.execute(sums, [path, whole, band, mask]).fetchone() == (float(PIXELS[band - 1][seen].sum()),)
    everywhere = "SELECT valid FROM read_cog($1, bands := $2, mask := '1 = 1')"
    (valid,) = con.execute(everywhere, [path, bands]).fetchone()
    assert np.array_equal(np.frombuffer(valid, bool).reshape(HEIGHT, WIDTH), answered)
    assert np.array_equal(valid_of(con, path, bands), answered)


def test_a_mask_of_another_number_of_samples_is_none_as_in_gdal(con, tmp_path):
    path = write(tmp_path / "a.tif", OTHER[:2])
    with rasterio.open(path) as file:
        assert (file.dataset_mask() > 0).all()
    assert valid_of(con, path).all()
    assert con.execute("SELECT mask, mask_bands FROM cog_header($1)", [path]).fetchone() == (None, None)


def test_an_index_row_whose_mask_bands_do_not_fit_is_refused(con, tmp_path):
    path = write(tmp_path / "a.tif", SAME)
    other = "SELECT * REPLACE (2 AS mask_bands) FROM cog_header($1)"
    con.execute(f"CREATE OR REPLACE TABLE idx AS {other}", [path])
    with pytest.raises(
        duckdb.InvalidInputException, match=r"mask_bands holds 2, where 1 or 3 \(band_count\)"
    ):
        con.execute("SELECT c.data FROM idx AS i, read_cog(i) AS c").fetchall()


@pytest.mark.parametrize("bands_of_mask", [1, 3])
def test_a_level_that_we_choose_has_the_mask(con, tmp_path, bands_of_mask):
    """The second overview has no mask: a resolution that it would do for takes the first."""
    path = write(tmp_path / "a.tif", SAME[:bands_of_mask], overviews=(2, 4), masked=(1, 2))
    query = "SELECT level, valid, shape FROM read_cog($1, resolution := $2)"
    for resolution, level in ((10, 0), (20, 1), (40, 1), (1000, 1)):
        found, valid, shape = con.execute(query, [path, resolution]).fetchone()
        assert found == level, resolution
        step = 2**level
        assert np.array_equal(np.frombuffer(valid, bool).reshape(shape[1:]), SAME[0, ::step, ::step])
    area = "[500000, 5299600, 500560, 5300000]"
    counts = f"RS_ZonalStats($1, {area}, 1, 'count', aoi_crs := 'EPSG:32632', resolution := 40)"
    assert con.execute(f"SELECT {counts}", [path]).fetchone() == (float(SAME[0, ::2, ::2].sum()),)
    grid = "aoi_crs := 'EPSG:32632', crs := 'EPSG:32632', resolution := 80"
    assert con.execute(f"SELECT level FROM read_cog($1, {area}, {grid})", [path]).fetchone() == (1,)
    with pytest.raises(
        duckdb.InvalidInputException, match=r"none for level 2: .* read level 0 or 1, or say res"
    ):
        con.execute("SELECT data FROM read_cog($1, level := 2)", [path]).fetchall()
