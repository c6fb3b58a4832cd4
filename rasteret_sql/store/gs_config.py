"""Storage options of gcsfs and GOOGLE_* variables -> the configuration of obstore's ``GCSStore``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.cloud_config import CloudConfig, Environ, given, has_any, is_http, on_cloud
from rasteret_sql.store.options import Options


def gs_config(bucket: str, options: Options, environ: Environ = os.environ) -> CloudConfig:
    """Configuration of a ``GCSStore``; without any credentials requests go unsigned, as with gcsfs."""
    token = options.get("token")
    endpoint = options.get("endpoint_url") or environ.get("STORAGE_EMULATOR_HOST")
    if endpoint and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    headers = {}
    if options.get("requester_pays"):
        if not options.get("project"):
            raise ArgumentError(
                f"Storage options of gs://{bucket}: requester_pays needs the project that pays."
            )
        headers["x-goog-user-project"] = options["project"]
    config: dict[str, Any] = {"base_url": endpoint}
    if token == "anon" or (token is None and not _has_google_credentials(environ)):
        config["skip_signature"] = True
    elif isinstance(token, Mapping):
        config["service_account_key"] = json.dumps(dict(token))
    elif isinstance(token, str | Path) and token not in ("google_default", "cloud"):
        config["application_credentials"] = str(Path(token).expanduser())
    elif token is not None and not isinstance(token, str):
        raise ArgumentError(
            f"Storage option 'token' of gs://{bucket} is a {type(token).__name__}; expected 'anon', "
            "'google_default', 'cloud', the path of a JSON key file, or its content as a mapping."
        )
    return CloudConfig(config=given(config), headers=headers, allow_http=is_http(endpoint))


def _has_google_credentials(environ: Environ) -> bool:
    names = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH",
             "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN")  # fmt: skip
    default = Path("~/.config/gcloud/application_default_credentials.json").expanduser()
    return has_any(environ, names) or default.exists() or on_cloud("google")
