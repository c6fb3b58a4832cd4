"""The Planetary Computer's tokens: one a container of Azure's, for the process, asked for when bytes are.

``GET {service}/{account}/{container}`` answers ``{"msft:expiry": "…Z", "token": "st=…&se=…&sig=…"}``. The
service is public; a subscription key raises its limits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from rasteret_sql.errors import ArgumentError, MalformedError, NotFoundError, RasteretError, TransportError
from rasteret_sql.settings import settings
from rasteret_sql.store import request_log
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.signing.reader import Signed
from rasteret_sql.store.signing.signed_url import is_signed
from rasteret_sql.store.signing.token_cache import TokenCache

SERVICE = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
DOMAIN = ".blob.core.windows.net"
KEY_HEADER = "Ocp-Apim-Subscription-Key"
ANSWER_MAX_BYTES = 1 << 16
SETTINGS_FILE = Path("~/.planetarycomputer/settings.env")
"""Where the planetary_computer package keeps its PC_SDK_* variables; the environment wins."""

CONTAINERS: Mapping[str, tuple[str, str]] = {
    "sentinel-2-l2a": ("sentinel2l2a01", "sentinel2-l2"),
    "landsat-c2-l2": ("landsateuwest", "landsat-c2"),
    "hls2-l30": ("hls2euwest", "hls2"),
    "hls2-s30": ("hls2euwest", "hls2"),
    "naip": ("naipeuwest", "naip"),
    "sentinel-1-grd": ("sentinel1euwest", "s1-grd"),
    "sentinel-1-rtc": ("sentinel1euwestrtc", "sentinel1-grd-rtc"),
    "cop-dem-glo-30": ("elevationeuwest", "copernicus-dem-stac"),
    "cop-dem-glo-90": ("elevationeuwest", "copernicus-dem-stac"),
    "3dep-seamless": ("ai4edataeuwest", "3dep"),
    "alos-dem": ("ai4edataeuwest", "alos-dem"),
    "nasadem": ("nasademeuwest", "nasadem-cog"),
    "esa-worldcover": ("ai4edataeuwest", "esa-worldcover"),
    "io-lulc-annual-v02": ("ai4edataeuwest", "io-lulc"),
    "usda-cdl": ("landcoverdata", "usda-cdl"),
    "modis": ("modiseuwest", "modis-061"),
}
"""Dataset -> account and container of its assets (``msft:storage_account``, ``msft:container``); ``modis`` is
all of MODIS 6.1."""


def prefix_of(account: str, container: str) -> str:
    """What the hrefs of one container begin with."""
    return f"https://{account}{DOMAIN}/{container}/"


class PlanetaryComputer:
    """Signs https hrefs of Azure's blobs. What has a signature already is left as it is."""

    advice = (
        "a new token of the Planetary Computer was refused as well: check that its container is one that the "
        "service gives out, and the clock of this machine"
    )

    def __init__(self) -> None:
        self._tokens: TokenCache[tuple[str, str], str] = TokenCache(_ask)

    def sign(self, href: str) -> Signed:
        if is_signed(href):
            return Signed(href=href)
        try:
            token = self._tokens.get(_container(href))
        except TransportError as error:
            raise TransportError(
                f"{display_href(href)} could not be signed: {error}",
                transient=error.transient,
                retry_after_s=error.retry_after_s,
            ) from None
        return Signed(href=f"{href}{'&' if '?' in href else '?'}{token}", mark=token)

    def refused(self, href: str, signed: Signed) -> bool:
        return isinstance(signed.mark, str) and self._tokens.refused(_container(href), signed.mark)

    def forget(self) -> None:
        self._tokens.forget()


def _container(href: str) -> tuple[str, str]:
    """Account and container; an emulator has the account in the path (``http://127.0.0.1:10000/account/…``)."""
    parts = urlsplit(href)
    names = parts.path.lstrip("/").split("/")
    host = (parts.hostname or "").lower()
    if host.endswith(DOMAIN):
        names.insert(0, host.removesuffix(DOMAIN))
    if len(names) < 3 or not all(names[:2]):
        raise ArgumentError(
            f"{display_href(href)}: expected a blob in a container of a storage account, which is what gets "
            f"tokens: https://account{DOMAIN}/container/name."
        )
    return names[0], names[1]


def _ask(container: tuple[str, str]) -> tuple[str, float]:
    """A token of the service and when it expires. One request, metered here; it is not tried again here."""
    from rasteret_sql.store.transports import exact_reader

    service = settings().planetary_computer_sas_url or _variable("PC_SDK_SAS_URL") or SERVICE
    url = "/".join((service.rstrip("/"), *container))
    key = _variable("PC_SDK_SUBSCRIPTION_KEY")
    started = perf_counter()
    try:
        answer = exact_reader(url).read_all(
            url, max_bytes=ANSWER_MAX_BYTES, headers={KEY_HEADER: key} if key else {}
        )
    except RasteretError as error:
        request_log.record(kind="token", href=url, started=started, error=str(error))
        if isinstance(error, NotFoundError):
            reason = f"the token service {display_href(url)} knows no such container (HTTP 404)"
            raise TransportError(f"{reason}; check the href.") from None
        raise
    request_log.record(kind="token", href=url, started=started, byte_count=len(answer.data))
    return _token_of(bytes(answer.data), url)


def _token_of(answer: bytes, url: str) -> tuple[str, float]:
    """Never shows the answer: it may hold a token."""
    try:
        answered = json.loads(answer)
        token, expiry = answered["token"], datetime.fromisoformat(answered["msft:expiry"])
        if not isinstance(token, str) or not token:
            raise TypeError
    except (ValueError, TypeError, KeyError):
        raise MalformedError(
            f"{display_href(url)}: the answer is not a token; expected JSON with token and msft:expiry. "
            "Check the "
            "setting planetary_computer_sas_url and PC_SDK_SAS_URL, if one of them is set."
        ) from None
    aware = expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    return token.lstrip("?"), aware.timestamp()


def _variable(name: str) -> str | None:
    """A PC_SDK_* variable of the environment, else of the planetary_computer package's settings file."""
    if value := os.environ.get(name):
        return value
    try:
        lines = SETTINGS_FILE.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return None
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    variables = {key.strip(): value.strip().strip("'\"") for key, equals, value in pairs if equals}
    return variables.get(name) or None
