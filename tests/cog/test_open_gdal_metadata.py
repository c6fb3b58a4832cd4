"""Scale, offset and names of bands from GDAL's XML."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from rasteret_sql.cog.gdal_metadata import BandMetadata, read_band_metadata
from rasteret_sql.errors import MalformedError
from tests.tiff.examples import parse_all

NAME = "Tiefe < 3 m & 'größer' als \"1\""


def test_what_gdal_writes():
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=4, height=4, count=3, dtype="int16",
            transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
        ) as dataset:  # fmt: skip
            dataset.write(np.zeros((3, 4, 4), np.int16))
            dataset.scales = (0.0001, 1, 1)
            dataset.offsets = (0, -0.1, 0)
            dataset.set_band_description(3, NAME)
            dataset.update_tags(note="scale", ns="other")
        with memory.open() as dataset:
            names = dataset.descriptions
        own = parse_all(memory.read()).images[0]
    assert names == (None, None, NAME)
    assert read_band_metadata(own.gdal_metadata, 3) == BandMetadata(
        scales=(0.0001, 1, 1), offsets=(0, -0.1, 0), band_names=names
    )


@pytest.mark.parametrize("xml", [None, "", "  ", "<GDALMetadata/>"])
def test_nothing_said(xml):
    assert read_band_metadata(xml, 2) == BandMetadata()


def test_items_for_bands_that_are_not_there_are_left_out():
    item = '<Item name="SCALE" sample="{}" role="scale">2</Item>'
    xml = (
        "<GDALMetadata>"
        + "".join(item.format(s) for s in ("2", "-1", "x", "", "9" * 5000))
        + "</GDALMetadata>"
    )
    assert read_band_metadata(xml, 2) == BandMetadata()


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<GDALMetadata>", r"GDAL_METADATA \(42112\) is not XML: no element found"),
        ("scale=2", r"GDAL_METADATA \(42112\) is not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', r"GDAL_METADATA \(42112\) declares a document type"),
        ('<a><Item sample="0" role="scale">big</Item></a>', r"a band's scale is no number: .*'big'"),
    ],
)
def test_what_is_refused(xml, message):
    with pytest.raises(MalformedError, match=message):
        read_band_metadata(xml, 1)


@given(st.text(alphabet="<>/&;!\"'= abITEMsamplerole0", max_size=60))
def test_any_text_is_read_or_malformed(text):
    try:
        read_band_metadata(f"<GDALMetadata>{text}</GDALMetadata>", 1)
    except MalformedError:
        return
