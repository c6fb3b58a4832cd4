"""Which protocols are read: the built-in ones, and of fsspec's those that the user allowed."""

from __future__ import annotations

from rasteret_sql.errors import ArgumentError, RefusedError
from rasteret_sql.settings import settings
from rasteret_sql.store.address import family_of, is_chain, links_of, scheme_of
from rasteret_sql.store.options import allowing_prefix
from rasteret_sql.store.redact import display_href

WITHOUT_ASKING = "memory"
"""Of fsspec's protocols the one that needs no permission: what it reads, this process has put there."""


def require_protocol(href: str) -> None:
    """Raise ``RefusedError`` where a protocol in ``href`` is neither built in nor allowed.

    Allowed is what lies below a prefix for which storage options were given, of a chain link by link, and the
    protocols of the setting ``protocols``.
    """
    if family_of(href) != "fsspec":
        return
    prefix = allowing_prefix(href)
    named = len(links_of(prefix)) if prefix is not None else 0
    *around, last = links_of(href)
    if not around and scheme_of(last) == WITHOUT_ASKING:
        return
    for number, link in enumerate((*around, last)):
        protocol = scheme_of(link)
        is_free = number == len(around) and family_of(link) != "fsspec"
        if number >= named and not is_free and not _is_allowed(link, protocol):
            raise _refusal(href, protocol or link)


def _is_allowed(link: str, protocol: str) -> bool:
    allowed = {name.strip().lower() for name in settings().protocols.split(",")}
    return (protocol != "" and protocol in allowed) or allowing_prefix(link) is not None


def _refusal(href: str, protocol: str) -> RefusedError | ArgumentError:
    if not _is_known(protocol):
        return ArgumentError(
            f"{display_href(href)}: neither this package nor fsspec knows the protocol {protocol!r}."
        )
    what = f"in a chain the protocol {protocol!r}" if is_chain(href) else f"the protocol {protocol!r}"
    return RefusedError(
        f"{display_href(href)}: {what} is not allowed. http(s), s3, gs, az, local files and memory are "
        "read without "
        "asking; allow another one by storage options for its prefix "
        f"(storage_options={{'{protocol}://…': {{}}}}), or in the setting protocols "
        f"(settings={{'protocols': '{protocol}'}})."
    )


def _is_known(protocol: str) -> bool:
    from fsspec import available_protocols

    return protocol in available_protocols()
