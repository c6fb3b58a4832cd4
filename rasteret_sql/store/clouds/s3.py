"""Storage options of s3fs and AWS_* variables -> the configuration of obstore's ``S3Store``."""

from __future__ import annotations

import os

from rasteret_sql.errors import AccessError, ArgumentError
from rasteret_sql.store.clouds.aws_profile import load_profile, static_credentials
from rasteret_sql.store.clouds.config import CloudConfig, Environ, given, has_any, is_http, on_cloud
from rasteret_sql.store.clouds.requester_pays import payer_advice
from rasteret_sql.store.options import Options

NO_S3_CREDENTIALS = (
    "no AWS credentials were found. For a public bucket set the storage option anon: "
    "register(con, storage_options={'s3://BUCKET/': {'anon': True}}), or AWS_NO_SIGN_REQUEST=YES in the "
    "environment; for a private one set key and secret, or profile, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY in the environment"
)


def no_credentials(bucket: str) -> str:
    """What to do for ``bucket`` where there are no credentials."""
    advice = payer_advice(bucket)
    return (
        f"no AWS credentials were found; {advice}" if advice else NO_S3_CREDENTIALS.replace("BUCKET", bucket)
    )


def s3_config(bucket: str, options: Options, environ: Environ = os.environ) -> CloudConfig:
    """Configuration of an ``S3Store``. Raises ``AccessError`` where no credentials can be found.

    Credentials: ``anon``, else ``key`` and ``secret``, else ``profile``, else the AWS_* environment, else
    ``AWS_PROFILE`` or the default profile, else the machine's own role.
    """
    client = options.get("client_kwargs", {})
    anon = options.get("anon")
    if anon is None:
        anon = (
            "key" not in options and "profile" not in options and _is_yes(environ.get("AWS_NO_SIGN_REQUEST"))
        )
    credentials = profile = None
    if anon:
        pass
    elif options.get("key") or options.get("secret"):
        if not (options.get("key") and options.get("secret")):
            raise ArgumentError(
                f"Storage options of s3://{bucket}: key and secret go together; one is missing."
            )
        credentials = static_credentials(options["key"], options["secret"], options.get("token"))
    elif options.get("profile") or not has_any(environ, AWS_CREDENTIAL_VARIABLES):
        profile = load_profile(options.get("profile"), environ)
        credentials = profile.credentials if profile else None
        if credentials is None and not on_cloud("amazon"):
            raise AccessError(f"s3://{bucket}: {no_credentials(bucket)}.")
    endpoint = (
        options.get("endpoint_url")
        or client.get("endpoint_url")
        or environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
        or (profile.endpoint_url if profile else None)
    )
    region = (
        options.get("region")
        or client.get("region_name")
        or environ.get("AWS_REGION")
        or environ.get("AWS_DEFAULT_REGION")
        or (profile.region if profile else None)
    )
    style = options.get("config_kwargs", {}).get("s3", {}).get("addressing_style")
    config = {
        "skip_signature": True if anon else None,
        "endpoint": _virtual_endpoint(endpoint, bucket) if endpoint and style == "virtual" else endpoint,
        "region": region or "us-east-1",
        "request_payer": True if _pays(options, environ) else None,
        "virtual_hosted_style_request": style == "virtual" or None,
    }
    return CloudConfig(config=given(config), allow_http=is_http(endpoint), credentials=credentials)


AWS_CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_METADATA_ENDPOINT",
)
"""Any of these, and obstore finds the credentials by itself."""


def _virtual_endpoint(endpoint: str, bucket: str) -> str:
    """obstore expects the bucket inside a custom endpoint when requests are virtual-hosted."""
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket}.{host}"


def _pays(options: Options, environ: Environ) -> bool:
    return bool(options.get("requester_pays", environ.get("AWS_REQUEST_PAYER", "").lower() == "requester"))


def _is_yes(text: str | None) -> bool:
    return (text or "").lower() in ("yes", "true", "1", "on")
