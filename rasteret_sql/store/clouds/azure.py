"""Storage options of adlfs and AZURE_* variables -> the configuration of obstore's ``AzureStore``."""

from __future__ import annotations

import base64
import os
import re
from functools import partial
from urllib.parse import parse_qs, urlsplit

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.clouds.config import CloudConfig, Environ, given, has_any, is_http, on_cloud
from rasteret_sql.store.options import Options

AZURE_DOMAIN = "blob.core.windows.net"
_ACCOUNT = re.compile(r"[A-Za-z0-9-]{1,64}")


def az_config(container: str, options: Options, environ: Environ = os.environ) -> CloudConfig:
    """Configuration of an ``AzureStore``; without any credentials requests go unsigned.

    ``container`` may carry its account: ``container@account.dfs.core.windows.net``. Keys and signatures of
    the environment are for its account (``AZURE_STORAGE_ACCOUNT_NAME``, or that of its connection string), or
    where it names none for the one that the options name; whatever other account an href names is asked
    without them.
    """
    parts = _parts(container, options, environ)
    account = _account(container, options, parts, environ)
    account_host = options.get("account_host")
    endpoint = parts.get("BlobEndpoint") or (f"https://{account_host}" if account_host else None)
    ours = _is_of_environment(account, options, environ)
    key, signature = _key_and_signature(options, parts, environ if ours else {})
    _check_key(key, container)
    found = bool(key or signature or options.get("client_id"))
    if ours or not has_any(environ, ACCOUNT_VARIABLES):
        machine = has_any(environ, AZURE_CREDENTIAL_VARIABLES) or on_cloud("microsoft")
    else:
        machine = False  # obstore would take the key of the environment before the machine's identity
    anon = options.get("anon") or (options.get("anon") is None and not found and not machine)
    config = {
        "account_name": account,
        "account_key": key,
        "sas_key": signature,
        "tenant_id": options.get("tenant_id"),
        "client_id": options.get("client_id"),
        "client_secret": options.get("client_secret"),
        "endpoint": endpoint.rstrip("/") if endpoint else None,
        "skip_signature": True if anon else None,
    }
    # Given as a provider too, or obstore would prefer a key of the environment to these.
    credential = {"access_key": key} if key else {"sas_token": signature} if signature else None
    return CloudConfig(
        config=given(config),
        allow_http=is_http(endpoint),
        credentials=partial(dict, credential, expires_at=None) if credential and not anon else None,
    )


def _parts(container: str, options: Options, environ: Environ) -> dict[str, str]:
    """The connection string of the options, else that of the environment where it is for this account."""
    if text := options.get("connection_string"):
        return _connection_string(text)
    text = environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if not text or {"account_name", "anon"} & set(options):
        return {}
    parts, named = _connection_string(text), _named(container)
    return parts if named in ("", _account_of_parts(parts)) else {}


def _named(container: str) -> str:
    """The account in ``container@account.dfs.core.windows.net``; empty where there is none."""
    return container.partition("@")[2].partition(".")[0].lower()


def _account_of_parts(parts: dict[str, str]) -> str:
    return (parts.get("AccountName") or _account_of(parts.get("BlobEndpoint")) or "").lower()


def _is_of_environment(account: str, options: Options, environ: Environ) -> bool:
    """Whether the key or signature of the environment is for ``account``."""
    own = environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    text = environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if not own and text:
        own = _account_of_parts(_connection_string(text))
    return account.lower() == (own or str(options.get("account_name") or "")).lower()


def _account(container: str, options: Options, parts: dict[str, str], environ: Environ) -> str:
    account = (
        options.get("account_name")
        or _named(container)
        or parts.get("AccountName")
        or _account_of(parts.get("BlobEndpoint"))
        or environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    )
    if not account:
        raise ArgumentError(
            f"az://{container}: which storage account? Set the storage option account_name or "
            "connection_string, or AZURE_STORAGE_ACCOUNT_NAME in the environment."
        )
    if not _ACCOUNT.fullmatch(str(account)):
        raise ArgumentError(f"az://{container}: {str(account)[:60]!r} is not the name of a storage account.")
    return str(account)


def _key_and_signature(
    options: Options, parts: dict[str, str], environ: Environ
) -> tuple[str | None, str | None]:
    """The account key and the shared access signature; the environment's where the options have neither."""
    key, signature = _key_or_signature(options.get("credential"))
    key = key or options.get("account_key") or parts.get("AccountKey")
    signature = signature or options.get("sas_token") or parts.get("SharedAccessSignature")
    if not (key or signature or options.get("client_id") or options.get("anon")):
        key = environ.get("AZURE_STORAGE_ACCOUNT_KEY") or environ.get("AZURE_STORAGE_ACCESS_KEY")
        signature = environ.get("AZURE_STORAGE_SAS_TOKEN") or environ.get("AZURE_STORAGE_SAS_KEY")
    return key or None, (signature or "").lstrip("?") or None


ACCOUNT_VARIABLES = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
)
"""Credentials of one storage account."""
AZURE_CREDENTIAL_VARIABLES = (
    *ACCOUNT_VARIABLES,
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
)


def _key_or_signature(credential: str | None) -> tuple[str | None, str | None]:
    """``credential`` as adlfs takes it when it is text: an account key, or a shared access signature."""
    if credential and "sig" in parse_qs(credential.lstrip("?")):
        return None, credential
    return credential, None


def _connection_string(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    parts = {name.strip(): value for name, equals, value in pairs if equals}
    if not parts:
        raise ArgumentError(
            "The Azure connection_string has no Name=value parts; copy it anew from the portal."
        )
    if "BlobEndpoint" not in parts and "EndpointSuffix" in parts and "AccountName" in parts:
        protocol = parts.get("DefaultEndpointsProtocol", "https")
        parts["BlobEndpoint"] = f"{protocol}://{parts['AccountName']}.blob.{parts['EndpointSuffix']}"
    return parts


def _account_of(endpoint: str | None) -> str | None:
    """The account of ``https://account.blob.core.windows.net``, or of an emulator's ``http://host/account``."""
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    return parts.path.strip("/") or (parts.hostname or "").partition(".")[0] or None


def _check_key(key: str | None, container: str) -> None:
    try:
        base64.b64decode(key or "", validate=True)
    except ValueError as error:
        raise ArgumentError(f"az://{container}: the account_key is not base64; copy it anew.") from error
