"""Files beside a raster that GDAL reads and this package does not: a column and a notice."""

import warnings

import pytest

import rasteret_sql
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import blocks_of, image, tiff

STATISTICS = "<PAMDataset><PAMRasterBand><Metadata><MDI key='STATISTICS_MEAN'/></Metadata></PAMRasterBand>"
NODATA = "<PAMDataset><PAMRasterBand band='1'><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>"
BARE = {"model_tiepoint": None, "model_pixel_scale": None, "geo_keys": {}}


def notices(tmp_path, own, files: dict[str, str]) -> tuple[list[str] | None, list[str]]:
    """The column of the file, and what was said."""
    path = tmp_path / "a.tif"
    path.write_bytes(build_tiff(tiff(own), [blocks_of(own)]))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with warnings.catch_warnings(record=True) as caught, rasteret_sql.connect() as con:
        warnings.simplefilter("always")
        (found,) = con.execute("SELECT sidecars FROM cog_header($1)", [str(path)]).fetchone()
    return found, [str(one.message) for one in caught if one.category is RasteretWarning]


def test_without_sidecars_nothing_is_said(tmp_path):
    assert notices(tmp_path, image(), {}) == ([], [])


@pytest.mark.parametrize(
    ("own", "files", "counts"),
    [
        (image(), {"a.tif.aux.xml": STATISTICS}, False),
        (image(), {"a.tif.aux.xml": NODATA}, True),
        (image(), {"a.tif.msk": "II*"}, True),
        (image(), {"a.tif.ovr": "II*"}, False),
        (image(), {"a.tfw": "10"}, False),
        (image(**BARE), {"a.tfw": "10"}, True),
        (image(**BARE), {"a.wld": "10"}, True),
        (image(), {"a.tif.aux.xml": NODATA, "a.tif.msk": "II*"}, True),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_what_is_beside_a_file_is_named_and_said_where_it_counts(tmp_path, own, files, counts):
    found, said = notices(tmp_path, own, files)
    assert sorted(found) == sorted(files)
    assert len(said) == counts
    for message in said:
        assert "a.tif has " in message
        assert all(name in message for name in files)


def test_a_read_by_href_says_so_too(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(build_tiff(tiff(image()), [blocks_of(image())]))
    (tmp_path / "a.tif.msk").write_bytes(b"II*")
    with (
        rasteret_sql.connect() as con,
        pytest.warns(RasteretWarning, match=r"a\.tif\.msk beside it"),
    ):
        con.execute("SELECT data FROM read_cog($1)", [str(path)]).fetchall()


def test_of_a_remote_file_nobody_looks():
    from rasteret_sql.duck.sidecars import sidecars_of

    assert sidecars_of("https://host/a.tif") is None
    assert sidecars_of("s3://bucket/a.tif") is None
