"""Scale, offset, unit and names of bands from GDAL's XML, beside GDAL's reading of the same file."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from rasteret_sql.geotiff.gdal_metadata import BandMetadata, read_band_metadata
from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import blocks_of, image, parse_all, tiff

NAME = "Tiefe < 3 m & 'größer' als \"1\""
Seen = tuple[tuple[float, ...], tuple[float, ...], tuple[str | None, ...], tuple[str | None, ...]]


def test_what_gdal_writes():
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=4, height=4, count=3, dtype="int16",
            transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
        ) as dataset:  # fmt: skip
            dataset.write(np.zeros((3, 4, 4), np.int16))
            dataset.scales = (0.0001, 1, 1)
            dataset.offsets = (0, -0.1, 0)
            dataset.units = ("°C", "", "kg/m²")
            dataset.set_band_description(3, NAME)
            dataset.update_tags(note="scale", ns="other")
            dataset.update_tags(2, STATISTICS_MAXIMUM="7")
        with memory.open() as dataset:
            names, units = dataset.descriptions, dataset.units
        own = parse_all(memory.read()).images[0]
    assert names == (None, None, NAME)
    assert read_band_metadata(own.gdal_metadata, 3) == BandMetadata(
        scales=(0.0001, 1, 1), offsets=(0, -0.1, 0), units=units, band_names=names
    )


@pytest.mark.parametrize("xml", [None, "", "  ", "<GDALMetadata/>"])
def test_nothing_said(xml):
    assert read_band_metadata(xml, 2) == BandMetadata()


def item(text: object, role: str, sample: object = 0, more: str = "") -> str:
    return f'<Item name="x" sample="{sample}" role="{role}"{more}>{text}</Item>'


def document(*items: str) -> str:
    return f"<GDALMetadata>{''.join(items)}</GDALMetadata>"


SCALE = item(2, "scale")
DOCUMENTS = {
    "all": document(SCALE, item(3, "offset"), item("red", "description"), item("m", "unittype", 1)),
    "statistics": document('<Item name="STATISTICS_MAXIMUM" sample="0">5</Item>'),
    # broken: GDAL passes over all of it
    "root not closed": "<GDALMetadata>" + SCALE,
    "item not closed": "<GDALMetadata>" + SCALE + '<Item name="a"',
    "closed twice": document(SCALE, "</Item>"),
    "element not closed": document(SCALE, "<b>"),
    "no XML": "scale=2",
    # elsewhere
    "other root": f"<x>{SCALE}</x>",
    "nested": document(f"<x>{SCALE}</x>"),
    "prefix": f'<g:GDALMetadata xmlns:g="u">{SCALE}</g:GDALMetadata>',
    "default namespace": f'<GDALMetadata xmlns="u">{SCALE}</GDALMetadata>',
    "domains": document(item(2, "scale", 0, ' domain="X"'), item("d", "description", 0, ' domain=""')),
    # around it
    "declaration": '<?xml version="1.0" encoding="ISO-8859-1"?>' + document(SCALE),
    "byte order mark": "\ufeff" + document(SCALE),
    "text before": "abc" + document(SCALE),
    "text after": document(SCALE) + "abc",
    "second root": "<a/>" + document(SCALE),
    "comments": "<!-- c -->" + document("<!-- < x > -->", SCALE),
    "document type": "<!DOCTYPE a>" + document(SCALE),
    "entity": '<!DOCTYPE a [<!ENTITY b "5">]>' + document(item("&b;", "scale")),
    # numbers
    "not finite": document(item("nan", "scale"), item("inf", "offset")),
    "no number": document(item("big", "scale"), item("1x", "offset")),
    "comma": document(item("1,5", "scale")),
    "hexadecimal": document(item("0x2", "scale")),
    "nothing": document(
        item("", "scale"), item(" ", "offset"), item("", "description"), item("", "unittype")
    ),
    "zero": document(item(0, "scale")),
    "twice": document(SCALE, item(3, "scale"), item("a", "description"), item("b", "description")),
    "child": document(item("2<b>3</b>", "scale")),
    # attributes
    "no sample": document('<Item name="SCALE" role="scale">2</Item>'),
    "odd samples": document(item(2, "scale", "1x"), item(2, "offset", "+1"), item("m", "unittype", " 1")),
    "no such band": document(*(item(2, "scale", s) for s in (2, -1, 10**9))),
    "samples that are not numbers": document(item(2, "scale", "x"), item(3, "offset", "")),
    "no name": document('<Item sample="0" role="scale">2</Item>'),
    "role in capitals": document(item(2, "SCALE"), item("d", "Description")),
    "small letters": '<gdalmetadata><item name="a" sample="0" role="scale">2</item></gdalmetadata>',
    "single quotes": "<GDALMetadata><Item name='a' sample='0' role='scale'>2</Item></GDALMetadata>",
    "no quotes": "<GDALMetadata><Item name=a sample=0 role=scale>2</Item></GDALMetadata>",
    # text
    "white space": document(item(" 2 ", "scale"), item(" red ", "description")),
    "character references": document(item("caf&#233;", "description"), item("&#x41;", "description", 1)),
    "escaped twice": document(item("a &amp;amp; b", "description"), item("&amp;lt;", "unittype")),
    "control character": document(item("a\x01b", "description"), SCALE),
    "not ASCII": document(item("größer", "description"), item("°C", "unittype")),
    "CDATA": document(item("<![CDATA[2]]>", "scale")),
}
ESCAPED_ONCE = {
    "once": document(item("a &amp; b", "description")),
    "CDATA": document(item("<![CDATA[a & b]]>", "description")),
    "not at all": document(item("a & b", "description")),
}
"""GDAL writes "&" as "&amp;amp;", unescapes twice, and cuts the text at an "&" that is left over."""


def gdals(xml: str) -> Seen:
    own = image(band_count=2, gdal_metadata=xml)
    with MemoryFile(build_tiff(tiff(own), [blocks_of(own)])) as memory, memory.open() as dataset:
        return dataset.scales, dataset.offsets, dataset.units, dataset.descriptions


def ours(xml: str) -> Seen:
    found, nothing = read_band_metadata(xml, 2), (None, None)
    return (
        found.scales or (1.0, 1.0),
        found.offsets or (0.0, 0.0),
        found.units or nothing,
        found.band_names or nothing,
    )


@pytest.mark.parametrize("case", DOCUMENTS)
def test_documents_are_read_as_gdal_reads_them(case):
    np.testing.assert_equal(ours(DOCUMENTS[case]), gdals(DOCUMENTS[case]))


@pytest.mark.parametrize("case", ESCAPED_ONCE)
def test_text_escaped_once_is_not_cut(case):
    assert ours(ESCAPED_ONCE[case])[3] == ("a & b", None)
    assert gdals(ESCAPED_ONCE[case])[3] in (("a ", None), ("a", None))


def test_a_file_in_latin_1():
    """rasterio cannot decode it."""
    own = image(gdal_metadata=document(item("größer", "description")))
    data = build_tiff(tiff(own), [blocks_of(own)])
    stored, latin = own.gdal_metadata.encode(), own.gdal_metadata.encode("latin-1")
    found = parse_all(data.replace(stored, latin.ljust(len(stored)))).images[0]
    assert read_band_metadata(found.gdal_metadata, 1).band_names == ("größer",)


@given(st.text(alphabet="<>/&;!\"'= abITEMsamplerole0[]-?", max_size=60))
def test_any_text_is_read(text):
    assert isinstance(read_band_metadata(f"<GDALMetadata>{text}</GDALMetadata>", 1), BandMetadata)


@pytest.mark.parametrize(
    "xml",
    [
        "<a>" * 10**6,
        "<!--" * 10**6,
        '<a "' * 10**6,
        "<!a[>" * 10**5,
        document("<Item " + "a" * 10**6 + ">2</Item>"),
    ],
    ids=lambda xml: xml[:5],
)
def test_no_text_costs_more_than_its_length(xml):
    assert read_band_metadata(xml, 1) == BandMetadata()
