"""Storage options -> the words of fsspec's file systems, read as for obstore: one meaning, two transports."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.settings import Settings
from rasteret_sql.store.address import family_of
from rasteret_sql.store.clouds.azure import AZURE_DOMAIN, az_config
from rasteret_sql.store.clouds.config import Environ
from rasteret_sql.store.clouds.google import gs_config
from rasteret_sql.store.clouds.s3 import s3_config
from rasteret_sql.store.options import Options
from rasteret_sql.store.scheduling import adaptive_concurrency

Words = dict[str, Any]
"""Keyword arguments of a file system; equal ones give the same file system again."""


def filesystem_words(href: str, options: Options, limits: Settings, environ: Environ = os.environ) -> Words:
    """What the file system of ``href`` is made from. Raises what the translation for obstore raises."""
    given = {name: value for name, value in options.items() if value is not None}
    translate = _WORDS.get(family_of(href))
    if translate is None:
        return given
    container = href.partition("://")[2].partition("/")[0]
    return translate(container, given, limits, environ)


def _s3(bucket: str, options: Words, limits: Settings, environ: Environ) -> Words:
    found = s3_config(bucket, options, environ).config
    words = dict(options)
    client = dict(words.pop("client_kwargs", {}))
    if region := words.pop("region", None):
        client.setdefault("region_name", region)
    config = {
        "retries": {"total_max_attempts": 1},
        "max_pool_connections": limits.max_concurrency or adaptive_concurrency.MAX_REQUESTS,
        "connect_timeout": limits.connect_timeout_s,
        "read_timeout": limits.request_timeout_s,
        **words.pop("config_kwargs", {}),
    }
    return words | {
        "anon": bool(found.get("skip_signature")),
        "requester_pays": bool(found.get("request_payer")),
        "client_kwargs": client,
        "config_kwargs": config,
    }


def _gs(bucket: str, options: Words, limits: Settings, environ: Environ) -> Words:
    from aiohttp import ClientTimeout

    words = dict(options)
    config = gs_config(bucket, options, environ)
    if config.config.get("skip_signature"):
        # Without a word gcsfs would ask Google's metadata service, which answers on Google's machines alone.
        words["token"] = "anon"
    elif path := config.config.get("application_credentials"):
        if not Path(path).is_file():
            # gcsfs takes what is not a file for an access token, and sends it to Google.
            raise ArgumentError(f"Storage option 'token' of gs://{bucket}: there is no file {path}.")
        words["token"] = path
    elif given := config.credentials:
        words["token"] = _google_credentials(given()["token"])
    words["requests_timeout"] = ClientTimeout(
        sock_connect=limits.connect_timeout_s, sock_read=limits.request_timeout_s
    )
    return words


@lru_cache(maxsize=64)
def _google_credentials(access_token: str) -> Any:
    """What gcsfs takes as it is. A bare token it would first send to Google, in the query of a URL."""
    from google.oauth2 import credentials

    make: Any = credentials.Credentials  # its own types are incomplete
    return make(token=access_token)


def _az(container: str, options: Words, limits: Settings, environ: Environ) -> Words:
    """adlfs heeds one of its words where they contradict, and the environment before some of them.

    A connection string wins over everything, so whatever it can express goes into one.
    """
    config = az_config(container, options, environ).config
    words: Words = {
        "account_name": config["account_name"],
        "anon": bool(config.get("skip_signature")),
        "connection_timeout": limits.connect_timeout_s,
        "read_timeout": limits.request_timeout_s,
    }
    signs = {"AccountKey": config.get("account_key"), "SharedAccessSignature": config.get("sas_key")}
    if words["anon"] or any(signs.values()):
        endpoint = config.get("endpoint") or f"https://{config['account_name']}.{AZURE_DOMAIN}"
        parts = {"BlobEndpoint": endpoint, "AccountName": config["account_name"], **signs}
        return words | {"connection_string": ";".join(f"{k}={v}" for k, v in parts.items() if v)}
    if endpoint := config.get("endpoint"):
        words["account_host"] = str(endpoint).partition("://")[2]
    return words | {
        name: options[name] for name in ("tenant_id", "client_id", "client_secret") if name in options
    }


_WORDS: dict[str, Callable[[str, Words, Settings, Environ], Words]] = {"s3": _s3, "gs": _gs, "az": _az}
