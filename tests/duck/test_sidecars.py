"""Files beside a raster that GDAL reads and this package does not: a column and a notice."""

import os
import warnings
from collections import Counter
from pathlib import Path

import pytest

import rasteret_sql
from rasteret_sql.duck.arguments import sidecars
from rasteret_sql.duck.arguments.sidecars import Folders
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
    folders = Folders(["https://host/a.tif", "s3://bucket/a.tif"])
    assert folders.sidecars_of("https://host/a.tif") is None
    assert folders.sidecars_of("s3://bucket/a.tif") is None


@pytest.fixture
def asked(monkeypatch) -> Counter[str]:
    """How often the file system is asked for a file, and for a folder."""
    found: Counter[str] = Counter()
    exists, scandir = os.path.exists, os.scandir

    def count(name, ask):
        def counted(path):
            found[name] += 1
            return ask(path)

        return counted

    monkeypatch.setattr(sidecars.os.path, "exists", count("file", exists))
    monkeypatch.setattr(sidecars.os, "scandir", count("folder", scandir))
    return found


def test_a_folder_is_listed_once_for_all_its_files(tmp_path, asked):
    hrefs = [str(tmp_path / f"{number}.tif") for number in range(50)]
    for href in hrefs:
        Path(href).touch()
    Path(hrefs[7] + ".msk").touch()
    folders = Folders(hrefs)
    assert [folders.sidecars_of(href) for href in hrefs] == [[]] * 7 + [["7.tif.msk"]] + [[]] * 42
    assert asked == {"folder": 1, "file": 1}
    Path(hrefs[8] + ".msk").touch()  # the next call sees what has changed
    assert Folders(hrefs).sidecars_of(hrefs[8]) == ["8.tif.msk"]


def test_in_a_long_folder_files_are_asked_for(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(sidecars, "FEWEST", 1)
    for name in ("a.tif", "a.wld", *(f"{n}.txt" for n in range(12))):
        (tmp_path / name).touch()
    href = str(tmp_path / "a.tif")
    assert Folders([href]).sidecars_of(href) == ["a.wld"]
    assert asked == {"folder": 1, "file": 7}


def test_a_read_asks_for_what_would_count_only(tmp_path, asked):
    path = tmp_path / "a.tif"
    path.write_bytes(build_tiff(tiff(image()), [blocks_of(image())]))
    with rasteret_sql.connect() as con:
        con.execute("SELECT data FROM read_cog($1)", [str(path)]).fetchall()
        first = asked["file"]
        con.execute("SELECT data FROM read_cog($1)", [str(path)]).fetchall()
    assert asked == {"file": first + 2}  # .aux.xml and .msk


def test_a_folder_that_cannot_be_listed_or_links_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr(sidecars, "FEWEST", 1)
    href = str(tmp_path / "a.tif")
    (tmp_path / "a.tif.msk").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a.tif.ovr").touch()
    assert Folders([href]).sidecars_of(href) == ["a.tif.ovr"]

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(sidecars.os, "scandir", refuse)
    assert Folders([href]).sidecars_of(href) == ["a.tif.ovr"]


def test_the_file_system_says_whether_case_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(sidecars, "FEWEST", 1)
    href = str(tmp_path / "A.TIF")
    (tmp_path / "a.tif.msk").touch()
    (tmp_path / "A.TFW").touch()
    own = os.path.exists(tmp_path / "a.TFW")  # so on the disks of macOS
    assert Folders([href]).sidecars_of(href) == (["A.TIF.msk", "A.tfw", "A.TFW"] if own else ["A.TFW"])
    monkeypatch.setattr(sidecars.os.path, "exists", lambda path: True)  # a file system without cases
    assert Folders([href]).sidecars_of(href) == ["A.TIF.msk", "A.tfw", "A.TFW"]
