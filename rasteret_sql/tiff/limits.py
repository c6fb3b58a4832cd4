"""What the directories of one file may cost, added up over all of them.

The sums matter: the directories of a small file may all point at the same bytes, and each would hold
a copy of them.
"""

from __future__ import annotations

from collections import Counter

from rasteret_sql.errors import LimitError
from rasteret_sql.settings import Settings


class Allowance:
    """What is left of the limits while one file is parsed; the settings ``max_*`` name them."""

    def __init__(self, limits: Settings) -> None:
        self.limits = limits
        self._spent: Counter[str] = Counter()
        self._known: dict[tuple[str, int, int], int] = {}

    def require(self, setting: str, amount: int, claim: str) -> None:
        """``LimitError`` where ``amount`` alone is over a limit; ``claim`` says so in words."""
        most = getattr(self.limits, setting)
        if amount > most:
            raise LimitError(f"{claim}; at most {most:,} are read (setting {setting})")

    def spend(self, setting: str, amount: int, claim: str, *, place: tuple[int, int]) -> None:
        """Take ``amount`` off a limit; ``LimitError`` where all that was taken passes it.

        ``place`` (offset of the directory, tag) makes it count once, however often it is requested.
        """
        self.require(setting, amount, claim)
        key = (setting, *place)
        self._spent[setting] += amount - self._known.get(key, 0)
        self._known[key] = amount
        most, total = getattr(self.limits, setting), self._spent[setting]
        if total > most:
            raise LimitError(
                f"{claim}, {total:,} together with those before it; "
                f"at most {most:,} are read of one file (setting {setting})"
            )
