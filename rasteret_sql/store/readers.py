"""The reader of an href, under the signers, storage options and settings in force."""

from __future__ import annotations

from rasteret_sql.forks import in_forked_child
from rasteret_sql.settings import Settings, settings
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.allowed_protocols import require_protocol
from rasteret_sql.store.signing.presigned import presigned
from rasteret_sql.store.signing.reader import Signer, SigningReader
from rasteret_sql.store.signing.signers import signer_for
from rasteret_sql.store.transports import Reader, exact_reader, reader_of

_signing: dict[tuple[Signer, Settings], Reader] = {}


def reader_for(href: str) -> Reader:
    """The reader that serves ``href`` under the signers, storage options and settings in force."""
    address, limits = parse_address(href), settings()
    href = address.href
    require_protocol(href)
    signer = signer_for(href) or presigned(href)
    if signer is not None:
        return _signing.setdefault((signer, limits), SigningReader(signer, exact_reader))
    return reader_of(address, limits)


@in_forked_child
def _after_fork() -> None:
    """The child makes its own; the parent's connections are the parent's business."""
    global _signing
    _signing = {}
