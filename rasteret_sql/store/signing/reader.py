"""Reading with a signature that is made when the bytes are requested, and made anew once when refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from rasteret_sql.errors import AccessError, RasteretError, TransportError
from rasteret_sql.store import errors as failures
from rasteret_sql.store.protocol import Block, ByteRange, SignedReader
from rasteret_sql.store.redact import display_href

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Signed:
    """How an href is requested. It has no ``repr``, so that no log of any kind shows a signature."""

    href: str
    """An http(s) URL, signed where that is how the server wants it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with the request, to this origin alone."""
    mark: object = None
    """By which its signer knows it again."""


class Signer(Protocol):
    """Signs the hrefs below one prefix. Safe to call from many threads at once."""

    advice: str
    """What to do when a fresh signature is refused too."""

    def sign(self, href: str) -> Signed:
        """How to ask for ``href`` now. Raises what the user should read; transient where a try may help."""
        ...

    def refused(self, href: str, signed: Signed) -> bool:
        """The server did not accept ``signed``; whether another one may be accepted, which ``sign`` gives."""
        ...

    def forget(self) -> None:
        """Drop what was signed so far, and every lock."""
        ...


class SigningReader:
    """A reader of http(s) URLs, with a signer before it.

    The first refusal of a signature fails as transient, to be tried again at once with another: one call
    stays one request for the object. Errors name the href as it was given.
    """

    def __init__(self, signer: Signer, reader_of: Callable[[str], SignedReader]) -> None:
        self._signer = signer
        self._reader_of = reader_of

    def read(self, request: ByteRange) -> Block:
        def read(signed: Signed) -> Block:
            asked = replace(request, href=signed.href)
            return self._reader_of(signed.href).read(asked, headers=signed.headers)

        return self._signed(request.href, read)

    def read_all(self, href: str, *, max_bytes: int) -> Block:
        def read_all(signed: Signed) -> Block:
            reader = self._reader_of(signed.href)
            return reader.read_all(signed.href, max_bytes=max_bytes, headers=signed.headers)

        return self._signed(href, read_all)

    def _signed(self, href: str, ask: Callable[[Signed], Answer]) -> Answer:
        signed = self._signer.sign(href)
        try:
            return ask(signed)
        except RasteretError as error:
            text = str(error).replace(display_href(signed.href), display_href(href))
            if isinstance(error, AccessError):
                if self._signer.refused(href, signed):
                    raise TransportError(text, transient=True, retry_after_s=0) from None
                text = text.replace(failures.access_hint(signed.href), self._signer.advice)
            error.args = (text,)
            raise
