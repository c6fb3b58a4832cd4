"""Credentials and region of a profile in ``~/.aws``, which obstore does not read.

botocore does the work where it is installed (it comes with s3fs): static keys, SSO, assumed roles,
credential processes, all refreshed in time. Without it profiles with static keys are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rasteret_sql.errors import AccessError, ArgumentError

REFRESH_EVERY = timedelta(minutes=5)
"""How often temporary credentials are asked for again; botocore renews them when they are about to end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What one profile says."""

    name: str
    region: str | None
    endpoint_url: str | None
    credentials: Callable[[], dict[str, Any]] | None
    """Returns obstore's S3 credential; None where the profile has no credentials."""


def load_profile(name: str | None, environ: Mapping[str, str]) -> Profile | None:
    """The profile ``name``, else ``AWS_PROFILE``, else ``default``; None when only ``default`` is missing.

    Raises ``ArgumentError`` when a profile was requested by name and is not there.
    """
    asked = name or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    chosen = asked or "default"
    sections = _sections(environ)
    if chosen not in sections:
        if asked:
            there = ", ".join(sorted(sections)) or "none at all"
            raise ArgumentError(f"There is no AWS profile {asked!r}; the files in ~/.aws have: {there}.")
        return None
    values = sections[chosen]
    return Profile(
        name=chosen,
        region=values.get("region"),
        endpoint_url=values.get("endpoint_url"),
        credentials=_credentials(chosen, values),
    )


def _sections(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Profile name -> its values; the credentials file wins over the config file, as in the AWS CLI."""
    sections: dict[str, dict[str, str]] = {}
    files = (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
    for variable, default in files:
        path = Path(environ.get(variable) or Path("~/.aws", default)).expanduser()
        parser = ConfigParser(interpolation=None, default_section="\0")
        try:
            parser.read(path, encoding="utf-8")
        except (ConfigError, UnicodeDecodeError, OSError) as error:
            raise ArgumentError(f"{path} cannot be read as an AWS {default} file.") from error
        for section in parser.sections():
            sections.setdefault(section.removeprefix("profile ").strip(), {}).update(parser[section])
    return sections


def _credentials(name: str, values: Mapping[str, str]) -> Callable[[], dict[str, Any]] | None:
    dynamic = {"role_arn", "sso_session", "sso_account_id", "credential_process", "source_profile"} & set(
        values
    )
    if not dynamic:
        key, secret = values.get("aws_access_key_id"), values.get("aws_secret_access_key")
        if not (key and secret):
            return None
        return static_credentials(key, secret, values.get("aws_session_token"))
    try:
        from botocore.session import Session
    except ImportError as error:
        raise ArgumentError(
            f"AWS profile {name!r} gets its keys by {', '.join(sorted(dynamic))}, which needs botocore: "
            "pip install 'rasteret-sql[s3]'."
        ) from error
    session = Session(profile=name)

    def current() -> dict[str, Any]:
        credentials = session.get_credentials()
        if credentials is None:
            raise AccessError(
                f"AWS profile {name!r} gives no credentials; does `aws sts get-caller-identity` work?"
            )
        frozen = credentials.get_frozen_credentials()
        return _credential(
            frozen.access_key, frozen.secret_key, frozen.token, datetime.now(UTC) + REFRESH_EVERY
        )

    return current


def static_credentials(key: str, secret: str, token: str | None) -> Callable[[], dict[str, Any]]:
    """A provider of these keys and no others: what the environment holds is not mixed in."""
    return lambda: _credential(key, secret, token, None)


def _credential(key: str, secret: str, token: str | None, expires_at: datetime | None) -> dict[str, Any]:
    return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": expires_at}
