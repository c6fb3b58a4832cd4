"""Prices by provider, region and payer."""

from __future__ import annotations

import datetime

import pytest

from rasteret_sql.store.clouds import prices
from rasteret_sql.store.clouds.requester_pays import BUCKETS
from rasteret_sql.store.options import set_storage_options

PLACES = {
    "s3://ours": ("aws", None),
    "s3a://usgs-landsat": ("aws/us-west-2", "reader"),
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com": ("aws/us-west-2", "owner"),
    "https://sentinel-cogs.s3.amazonaws.com": ("aws/us-west-2", "owner"),
    "https://ours.s3.eu-central-1.amazonaws.com": ("aws/eu-central-1", None),
    "https://s3.eu-west-1.amazonaws.com": ("aws/eu-west-1", None),
    "gs://ours": ("gcp", None),
    "https://storage.googleapis.com": ("gcp", None),
    "https://sentinel2l2a01.blob.core.windows.net": ("azure/westeurope", "owner"),
    "abfss://data@ours.dfs.core.windows.net": ("azure", None),
    "https://example.com": (None, None),
    "": (None, None),
}


@pytest.mark.parametrize("root", PLACES)
def test_place_and_payer(root: str) -> None:
    cost = prices.cost_of(root, 1000, 10**9)
    assert (cost.place, cost.payer) == PLACES[root]
    assert (cost.dollars > 0) == (cost.place is not None and cost.payer != "owner")


def test_a_thousand_requests_and_a_gigabyte() -> None:
    def dollars(*where: str) -> float:
        return prices.cost_of(where[0], 1000, 10**9, *where[1:]).dollars

    assert dollars("s3://usgs-landsat") == pytest.approx(0.0904)
    assert dollars("s3://usgs-landsat", "aws/us-west-2") == pytest.approx(0.0004)
    assert dollars("s3://usgs-landsat", "aws/us-east-1") == pytest.approx(0.0204)
    assert dollars("s3://usgs-landsat", "gcp/us-west1") == pytest.approx(0.0904)
    assert dollars("https://ours.s3.ap-southeast-2.amazonaws.com") == pytest.approx(0.11444)


def test_who_says_that_it_pays_is_billed() -> None:
    set_storage_options({"s3://ours/": {"requester_pays": True}})
    assert prices.cost_of("s3://ours", 1, 1).payer == "reader"


def test_the_data_is_dated_and_has_sources() -> None:
    assert datetime.date.fromisoformat(f"{prices.as_of()}-01")
    known = prices._prices()
    assert all(known[name]["source"].startswith("https://") for name in prices.PROVIDERS.values())
    assert {name for name, one in known["buckets"].items() if one["payer"] == "reader"} == BUCKETS
