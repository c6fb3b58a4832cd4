"""Storage options of gcsfs and GOOGLE_* variables -> the configuration of obstore's ``GCSStore``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.clouds.config import CloudConfig, Environ, given, has_any, is_http, on_cloud
from rasteret_sql.store.options import Options


def gs_config(bucket: str, options: Options, environ: Environ = os.environ) -> CloudConfig:
    """Configuration of a ``GCSStore``; without any credentials requests go unsigned, as with gcsfs."""
    token = options.get("token")
    endpoint = options.get("endpoint_url") or environ.get("STORAGE_EMULATOR_HOST")
    if endpoint and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    headers = {}
    if payer := options.get("requester_pays"):
        project = payer if isinstance(payer, str) else options.get("project")
        if not project:
            raise ArgumentError(
                f"Storage options of gs://{bucket}: requester_pays needs the project that pays."
            )
        headers["x-goog-user-project"] = project
    config: dict[str, Any] = {"base_url": endpoint}
    credentials: Callable[[], dict[str, Any]] | None = None
    if token == "anon" or (token is None and not _has_google_credentials(environ)):
        config["skip_signature"] = True
    elif isinstance(token, Mapping):
        config["service_account_key"] = _key_of(token, bucket)
    elif isinstance(token, Path) or (isinstance(token, str) and _is_path(token)):
        config["application_credentials"] = str(Path(token).expanduser())
    elif isinstance(token, str) and token not in (*INTERACTIVE, *OWN_IDENTITY):
        credentials = partial(dict, token=token, expires_at=None)
    elif token is not None and token not in OWN_IDENTITY:
        what = repr(token) if token in INTERACTIVE else f"a {type(token).__name__}"
        raise ArgumentError(
            f"Storage option 'token' of gs://{bucket} is {what}; expected 'anon', 'google_default', 'cloud', "
            "the path of a JSON key file, its content as a mapping, or an access token."
        )
    return CloudConfig(
        config=given(config), headers=headers, allow_http=is_http(endpoint), credentials=credentials
    )


OWN_IDENTITY = ("google_default", "cloud")
"""Words of gcsfs for what obstore finds by itself: the default credentials, the machine's own role."""
INTERACTIVE = ("browser", "cache")
"""Words of gcsfs for a log-in by hand, which a query cannot wait for."""


def _is_path(token: str) -> bool:
    """Whether a text is a file's name rather than a keyword or an access token."""
    return os.sep in token or token.endswith(".json") or os.path.exists(token)


def _key_of(token: Mapping[str, Any], bucket: str) -> str:
    if not token.get("private_key"):
        raise ArgumentError(
            f"Storage option 'token' of gs://{bucket} is a mapping without private_key; expected the content "
            "of a service account's JSON key. For credentials of another kind give the path of their file."
        )
    return json.dumps(dict(token))


def _has_google_credentials(environ: Environ) -> bool:
    names = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH",
             "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN")  # fmt: skip
    default = Path("~/.config/gcloud/application_default_credentials.json").expanduser()
    return has_any(environ, names) or default.exists() or on_cloud("google")
