"""Every error this package raises on purpose.

    RasteretError
    ├── ArgumentError     what the caller asked for makes no sense, or names what is not there
    ├── MalformedError    a file or an answer breaks its own specification
    ├── UnsupportedError  correct, but not read by this version: the feature is named
    ├── LimitError        over a limit that protects memory, time or the server; says which setting
    ├── StaleError        the asset is no longer the one that was indexed
    ├── BusyError         another run is writing the same index
    ├── InterruptionError the user asked for an end (Ctrl-C in the DuckDB shell)
    ├── NotSentError      a plan, which sends nothing, came to a request
    └── TransportError    bytes could not be obtained
        ├── NotFoundError
        └── AccessError
            └── RefusedError  not asked for at all: a setting, or DuckDB's, does not allow it

Apart from them, ``RasteretWarning`` says what was done differently from what one might expect.

A message is all that a SQL user sees. It says what was asked, of which file, what was expected,
what was found, and what to do; it never holds a signature, a token or a key.
"""

from __future__ import annotations

from typing import TypeVar

from rasteret_sql.redaction import redact_text


class RasteretError(Exception):
    """Base of every error raised on purpose; its text is redacted when it is made."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(redact_text(arg) if isinstance(arg, str) else arg for arg in args))

    status: int | None = None
    """The HTTP status of a STAC API's answer that is a refusal."""


class ArgumentError(RasteretError, ValueError):
    """An argument makes no sense, or names a band, level, column or catalogue that is not there."""


class MalformedError(RasteretError, ValueError):
    """A file or a server's answer breaks its own specification."""


class UnsupportedError(RasteretError, NotImplementedError):
    """A valid feature that this version refuses by name rather than read wrongly."""


class LimitError(RasteretError, RuntimeError):
    """A limit was reached; the message has the numbers and the setting that raises it."""


class StaleError(RasteretError, RuntimeError):
    """The asset changed since its header was indexed."""


class BusyError(RasteretError, RuntimeError):
    """Another run is writing the same index."""


class NotSentError(RasteretError):
    """A plan came to a request that it counts and does not send."""


class InterruptionError(RasteretError):
    """The user asked for an end."""


class TransportError(RasteretError, OSError):
    """Bytes could not be obtained: refused, timed out, cut short."""

    def __init__(self, message: str, *, transient: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.transient = transient
        """Trying again may help: a timeout, a reset, 408, 429, 5xx, a short body."""
        self.retry_after_s = retry_after_s
        """What the server asked to wait, in seconds."""


class NotFoundError(TransportError, FileNotFoundError):
    """There is no such file or object."""


class AccessError(TransportError, PermissionError):
    """The file is there, but not for these credentials."""


class RefusedError(AccessError):
    """The file was not asked for: what this process or the database allows does not include it."""


class RasteretWarning(UserWarning):
    """Something worth knowing: work that a server left to us, or a result that was cut as asked."""


Value = TypeVar("Value")


def value_or_raise(value: Value | RasteretError) -> Value:
    """A value, or the error that came in its place, raised."""
    if isinstance(value, RasteretError):
        raise value
    return value
