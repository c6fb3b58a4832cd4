"""The GeoKey directory and its two companion tags."""

import pytest

from rasteret_sql.errors import ArgumentError, MalformedError
from rasteret_sql.tiff.geokeys import GeoKeyTags, resolve_geo_keys, store_geo_keys


def test_values_come_from_the_row_the_doubles_and_the_text():
    stored = GeoKeyTags(
        directory=(1, 1, 1, 4, 1024, 0, 1, 2, 1026, 34737, 6, 0, 2057, 34736, 1, 0, 2062, 34736, 3, 1),
        doubles=(6378137.0, 1.0, 2.0, 3.0),
        ascii=b"hello|\0",
    )
    keys = {1024: 2, 1026: "hello", 2057: 6378137.0, 2062: (1.0, 2.0, 3.0)}
    assert resolve_geo_keys(stored) == (keys, 1)
    assert resolve_geo_keys(store_geo_keys(keys, 1)) == (keys, 1)


def test_bars_inside_a_citation_stay():
    keys = {2049: "GCS Name = a|Datum = b|"}
    assert resolve_geo_keys(store_geo_keys(keys, 0)) == (keys, 0)


def test_text_that_is_not_utf8_is_latin1():
    stored = GeoKeyTags(directory=(1, 1, 0, 1, 1026, 34737, 5, 0), ascii=b"Bes\xe9|\0")
    assert resolve_geo_keys(stored)[0] == {1026: "Besé"}


def test_a_missing_last_bar_is_forgiven():
    stored = GeoKeyTags(directory=(1, 1, 0, 1, 1026, 34737, 6, 0), ascii=b"hello")
    assert resolve_geo_keys(stored)[0] == {1026: "hello"}


@pytest.mark.parametrize(
    ("directory", "message"),
    [
        ((1, 1), "GeoKeyDirectory holds 2 values where its own header needs 4"),
        ((1, 1, 0, 3, 1024, 0, 1, 1), "GeoKeyDirectory claims 3 keys and has room for 1"),
        ((1, 1, 0, 1, 2057, 34736, 1, 9), r"GeoKey 2057 wants values 9 to 10 of GeoDoubleParams \(34736\)"),
        ((1, 1, 0, 1, 2057, 34736, 0, 0), "GeoKey 2057 has no value"),
        ((1, 1, 0, 1, 1026, 256, 1, 0), "GeoKey 1026 points to tag 256"),
    ],
)
def test_directories_that_point_outside_are_malformed(directory, message):
    with pytest.raises(MalformedError, match=message):
        resolve_geo_keys(GeoKeyTags(directory=directory, doubles=(1.0,)))


def test_a_short_that_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="GeoKey 3072 is 102001; a SHORT holds 0 to 65535"):
        store_geo_keys({3072: 102001}, 0)
