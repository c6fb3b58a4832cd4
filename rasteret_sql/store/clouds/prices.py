"""What requests cost: GETs and egress by provider and region, from ``prices.toml``."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasteret_sql.store.address import FAMILIES
from rasteret_sql.store.options import options_for

GB = 10**9
PROVIDERS = {"s3": "aws", "gs": "gcp", "az": "azure"}
"""By the family of a URL."""
HOSTS = (
    ("aws", re.compile(
        r"(?:(?P<bucket>[^/]+)\.)?s3[.-](?:dualstack\.)?(?:(?P<region>[a-z]{2}-[a-z]+-\d)\.)?amazonaws\.com"
    )),
    ("gcp", re.compile(r"(?:(?P<bucket>[^/]+)\.)?storage\.googleapis\.com")),
    ("azure", re.compile(r"(?P<bucket>[^./]+)\.(?:blob|dfs)\.core\.windows\.net")),
)  # fmt: skip
"""Hosts of stores that are read by their web address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What reading from one store costs."""

    dollars: float
    """0 where the owner of a public bucket pays, or where no price is known."""
    place: str | None
    """Provider, and region where it is known; None for local files and for servers without a price."""
    payer: str | None
    """``reader`` (requester pays), ``owner`` (of a public bucket), or None: the account of the bucket."""


def cost_of(root: str, requests: int, byte_count: int, region: str = "") -> Cost:
    """What ``requests`` to a store (``s3://bucket``, ``https://host``) cost that answer ``byte_count`` bytes.

    ``region`` is where the reader is, such as ``aws/us-west-2``; empty: anywhere on the internet.
    """
    place, bucket = _place(root)
    known = _prices()["buckets"].get(bucket)
    if known is not None and place is not None and known["place"].startswith(place.partition("/")[0]):
        place = known["place"]
    if place is None:
        return Cost(dollars=0.0, place=None, payer=None)
    payer = "reader" if _asks_to_pay(root) else known["payer"] if known else None
    provider, _, own = place.partition("/")
    lines = _prices()[provider]
    line = {**lines, **lines.get("regions", {}).get(own, {})}
    per_gb = line["egress_per_gb"]
    if region.partition("/")[0] == provider:
        per_gb = 0.0 if own and region == place else line["between_regions_per_gb"]
    dollars = requests / 1000 * line["get_per_1000"] + byte_count / GB * per_gb
    return Cost(dollars=0.0 if payer == "owner" else dollars, place=place, payer=payer)


def as_of() -> str:
    """The month of the prices."""
    return str(_prices()["as_of"])


@lru_cache(maxsize=1)
def _prices() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text("utf-8"))


def _place(root: str) -> tuple[str | None, str]:
    """Provider, with the region where the address has it, and the bucket or account."""
    scheme, _, host = root.partition("://")
    family = FAMILIES.get(scheme.lower(), "")
    if family in PROVIDERS:
        return PROVIDERS[family], host.partition("@")[2].partition(".")[0] or host
    for provider, pattern in HOSTS:
        match = pattern.fullmatch(host)
        if match is not None:
            region = match.groupdict().get("region")
            return f"{provider}/{region}" if region else provider, match["bucket"] or ""
    return None, ""


def _asks_to_pay(root: str) -> bool:
    """Whether the reader has said that it pays."""
    payer = options_for(f"{root}/").get("requester_pays")
    if payer is None and root.startswith("s3"):
        return os.environ.get("AWS_REQUEST_PAYER", "").lower() == "requester"
    return bool(payer)
