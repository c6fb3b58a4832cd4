"""What somebody may have meant by a name that is not there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

SHOWN = 20


def nearest(name: str, there: Iterable[str], count: int = 3) -> list[str]:
    """The names most like ``name``: by letters without case and signs, with or without a prefix."""
    scores = {known: _likeness(name, known) for known in set(there)}
    good = sorted((known for known, score in scores.items() if score >= 0.6), key=lambda k: (-scores[k], k))
    return good[:count]


def suggestion(names: Iterable[str], there: Iterable[str]) -> str:
    """``; did you mean …? There are: …`` for names that are not among ``there``."""
    known = sorted(set(there))
    near = list(dict.fromkeys(match for name in names for match in nearest(name, known)))
    meant = f"did you mean {' or '.join(map(repr, near[:3]))}? " if near else ""
    listed = ", ".join(known[:SHOWN]) + (f", … ({len(known):,})" if len(known) > SHOWN else "")
    return f"{meant}There are: {listed or 'none'}"


def _likeness(name: str, known: str) -> float:
    asked = _plain(name)
    forms = {_plain(known), _plain(known.rpartition(":")[2])}
    if any(form and (form.startswith(asked) or asked.startswith(form)) for form in forms if asked):
        return 0.9
    ratios = (difflib.SequenceMatcher(None, asked, form).ratio() for form in forms)
    begin = 0.1 if any(form[:4] == asked[:4] for form in forms) else 0.0
    return max(ratios) + begin


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
