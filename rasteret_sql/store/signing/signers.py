"""Who signs what is read: a function or a token service by URL prefix, asked when bytes are. Process-wide.

An href in a table stays as its catalogue has it; what a signer adds is known to the request alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rasteret_sql.errors import AccessError, ArgumentError, RasteretError
from rasteret_sql.forks import fork_safe_lock, in_forked_child
from rasteret_sql.store.address import family_of, plain_href
from rasteret_sql.store.options import ByPrefix
from rasteret_sql.store.prefix import normal_prefix
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.signing.planetary_computer import CONTAINERS, PlanetaryComputer, prefix_of
from rasteret_sql.store.signing.reader import Signed, Signer
from rasteret_sql.store.signing.signed_url import expires_at
from rasteret_sql.store.signing.token_cache import MIN_LIFE_S, TokenCache

VALID_S = 300.0
"""How long an answer that does not say when it expires is used again."""

SignFunction = Callable[[str], str | Mapping[str, str]]
"""href -> an http(s) URL that may be read, or headers to send with the request for it."""


@dataclass(frozen=True, kw_only=True)
class GivenSigner:
    """What ``register_signer`` was given."""

    prefix: str
    signer: SignFunction | str
    valid_s: float = VALID_S


class FunctionSigner:
    """A user's function; its answers are used again until they expire."""

    def __init__(self, prefix: str, function: SignFunction, valid_s: float) -> None:
        self._function = function
        self._valid_s = valid_s
        self._signed: TokenCache[str, Signed] = TokenCache(self._make)
        self._who = f"the signer of {display_href(prefix)}"
        self.advice = f"what {self._who} gave anew was refused as well: check what it may read"

    def sign(self, href: str) -> Signed:
        return self._signed.get(href)

    def refused(self, href: str, signed: Signed) -> bool:
        return self._signed.refused(href, signed)

    def forget(self) -> None:
        self._signed.forget()

    def _make(self, href: str) -> tuple[Signed, float]:
        try:
            answer = self._function(href)
        except RasteretError:
            raise
        except Exception as error:  # whatever the user's code raises; its text may hold what it signs with
            raise AccessError(f"{display_href(href)}: {self._who} failed ({type(error).__name__}).") from None
        signed = _checked(answer, href)
        if signed is None:
            raise ArgumentError(
                f"{display_href(href)}: {self._who} gave a {type(answer).__name__}; expected an http(s) "
                "URL as "
                "text, or for an http(s) href a mapping of headers, text to text."
            )
        expiry = expires_at(signed.href) if isinstance(answer, str) else None
        return signed, expiry if expiry is not None else time.time() + self._valid_s


def _checked(answer: object, href: str) -> Signed | None:
    if isinstance(answer, str):
        return Signed(href=answer) if family_of(answer) == "http" else None
    if not isinstance(answer, Mapping) or family_of(href) != "http":
        return None
    is_text = all(isinstance(text, str) for pair in answer.items() for text in pair)
    return Signed(href=href, headers=dict(answer)) if is_text else None


def _built_in() -> ByPrefix[Signer]:
    planetary_computer = PlanetaryComputer()
    return ByPrefix({prefix_of(*names): planetary_computer for names in CONTAINERS.values()})


_lock = fork_safe_lock()
_signers: ByPrefix[Signer] = _built_in()
"""Replaced as a whole, so that reading it takes no lock."""
_given: dict[str, GivenSigner] = {}
"""What made those that are not built in, by prefix."""


def register_signer(prefix: str, signer: SignFunction | str | None, *, valid_s: float = VALID_S) -> None:
    """What ``rasteret_sql.register_signer`` does. Raises ``ArgumentError``, and then changes nothing."""
    global _signers
    normal = normal_prefix(plain_href(prefix))
    if "://" not in normal:
        raise ArgumentError(
            f"register_signer: a URL prefix such as https://host/folder/ is expected, "
            f"found {display_href(prefix)!r}."
        )
    if not valid_s >= MIN_LIFE_S:
        raise ArgumentError(
            f"register_signer: valid_s must be at least {MIN_LIFE_S:g} second, found {valid_s!r}."
        )
    made: Signer | None
    if signer is None:
        made = None
    elif signer == "planetary-computer":
        made = PlanetaryComputer()
    elif callable(signer):
        made = FunctionSigner(normal, signer, valid_s)
    else:
        raise ArgumentError(
            f"register_signer: the signer of {display_href(prefix)!r} must be a function of an href, "
            "'planetary-computer' or None."
        )
    with _lock:
        others = {known: other for known, other in _signers.values.items() if known != normal}
        _signers = ByPrefix(others if made is None else {**others, normal: made})
        _given.pop(normal, None)
        if signer is not None:
            _given[normal] = GivenSigner(prefix=normal, signer=signer, valid_s=valid_s)


def given_signers() -> tuple[GivenSigner, ...]:
    """What was registered in this process, by prefix."""
    with _lock:
        return tuple(_given[prefix] for prefix in sorted(_given))


def signer_for(href: str) -> Signer | None:
    """The signer of the longest prefix that covers ``href``."""
    return _signers.get(href)


@in_forked_child
def _after_fork() -> None:
    """The child's locks and what its parent's threads were waiting for are its own."""
    for signer in _signers.values.values():
        signer.forget()
