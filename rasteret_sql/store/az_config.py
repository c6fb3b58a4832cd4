"""Storage options of adlfs and AZURE_* variables -> the configuration of obstore's ``AzureStore``."""

from __future__ import annotations

import base64
import os
from functools import partial
from urllib.parse import parse_qs, urlsplit

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.cloud_config import CloudConfig, Environ, given, has_any, is_http, on_cloud
from rasteret_sql.store.options import Options

AZURE_DOMAIN = "blob.core.windows.net"


def az_config(container: str, options: Options, environ: Environ = os.environ) -> CloudConfig:
    """Configuration of an ``AzureStore``; without any credentials requests go unsigned.

    ``container`` may carry its account: ``container@account.dfs.core.windows.net``.
    """
    _, _, host = container.partition("@")
    text = options.get("connection_string") or (
        None if {"account_name", "anon"} & set(options) else environ.get("AZURE_STORAGE_CONNECTION_STRING")
    )
    parts = _connection_string(text) if text else {}
    account_host = options.get("account_host")
    endpoint = parts.get("BlobEndpoint") or (f"https://{account_host}" if account_host else None)
    account = (
        options.get("account_name")
        or host.partition(".")[0]
        or parts.get("AccountName")
        or _account_of(parts.get("BlobEndpoint"))
        or environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    )
    if not account:
        raise ArgumentError(
            f"az://{container}: which storage account? Set the storage option account_name or "
            "connection_string, or AZURE_STORAGE_ACCOUNT_NAME in the environment."
        )
    key, sas = _key_or_signature(options.get("credential"))
    key = key or options.get("account_key") or parts.get("AccountKey")
    sas = sas or options.get("sas_token") or parts.get("SharedAccessSignature")
    if not (key or sas or options.get("client_id") or options.get("anon")):
        key = _first(environ, "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY")
        sas = _first(environ, "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
    sas = (sas or "").lstrip("?") or None
    config = {
        "account_name": account,
        "account_key": key,
        "sas_key": sas,
        "tenant_id": options.get("tenant_id"),
        "client_id": options.get("client_id"),
        "client_secret": options.get("client_secret"),
        "endpoint": endpoint.rstrip("/") if endpoint else None,
    }
    found = bool(key or sas or config["client_id"])
    machine = has_any(environ, AZURE_CREDENTIAL_VARIABLES) or on_cloud("microsoft")
    if options.get("anon") or (options.get("anon") is None and not found and not machine):
        config["skip_signature"] = True
    _check_key(key, container)
    # As a provider, so that obstore does not take a key of the environment for the one that was given.
    provider = partial(dict, access_key=key) if key else partial(dict, sas_token=sas) if sas else None
    return CloudConfig(
        config=given(config),
        allow_http=is_http(endpoint),
        credentials=partial(provider, expires_at=None) if provider else None,
    )


AZURE_CREDENTIAL_VARIABLES = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
)


def _first(environ: Environ, *names: str) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _key_or_signature(credential: str | None) -> tuple[str | None, str | None]:
    """``credential`` as adlfs takes it when it is text: an account key, or a shared access signature."""
    if credential and "sig" in parse_qs(credential.lstrip("?")):
        return None, credential
    return credential, None


def _connection_string(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    found = {name.strip(): value for name, equals, value in pairs if equals}
    if not found:
        raise ArgumentError(
            "The Azure connection_string has no Name=value parts; copy it anew from the portal."
        )
    if "BlobEndpoint" not in found and "EndpointSuffix" in found and "AccountName" in found:
        protocol = found.get("DefaultEndpointsProtocol", "https")
        found["BlobEndpoint"] = f"{protocol}://{found['AccountName']}.blob.{found['EndpointSuffix']}"
    return found


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
