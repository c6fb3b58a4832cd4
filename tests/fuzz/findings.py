"""Keep one small input for each distinct thing that goes wrong, and go on."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.fuzz.checks import within_limits

SHRINKING_RUNS = 2000
SHRINKING_S = 10.0
"""Of processor time: a machine that is busy must not take it for a hanging input."""

Check = Callable[[bytes], object]


class Findings:
    """The findings of one target, one folder each: the input, made small, and its traceback."""

    def __init__(self, folder: Path, check: Check) -> None:
        self.folder, self.check = folder, check
        self._known: set[str] = set()

    def try_one(self, data: bytes) -> None:
        """Run the check; an exception is kept where no earlier one came from the same place."""
        reason = reason_of(self.check, data)
        if reason is None or reason in self._known:
            return
        self._known.add(reason)
        small = shrunk(data, lambda candidate: reason_of(self.check, candidate) == reason)
        place = self.folder / reason
        place.mkdir(parents=True, exist_ok=True)
        (place / "input").write_bytes(small)
        try:
            within_limits(self.check, small)
        except Exception:
            (place / "traceback.txt").write_text(traceback.format_exc())
        print(f"FINDING {reason}: {len(data)} bytes, {len(small)} when shrunk", flush=True)


def reason_of(check: Check, data: bytes) -> str | None:
    """What the check raised and where, as a name for a folder; None where nothing was raised."""
    try:
        within_limits(check, data)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        words = "-".join(re.findall(r"[a-z]{3,}", str(error).lower())[:5])
        return f"{type(error).__name__}-{Path(frame.filename).stem}-{frame.lineno}-{words}"
    return None


def shrunk(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    """A smaller input for which ``still`` holds: parts left out at the end or inside, bytes set to zero."""
    runs, until = 0, time.process_time() + SHRINKING_S
    for candidate_of in (_without, _zeroed):
        step = max(1, len(data) // 2)
        while step and runs < SHRINKING_RUNS and time.process_time() < until:
            position = 0
            while position < len(data) and runs < SHRINKING_RUNS and time.process_time() < until:
                candidate, runs = candidate_of(data, position, step), runs + 1
                if candidate != data and still(candidate):
                    data = candidate
                    position += step if len(candidate) == len(data) and candidate_of is _zeroed else 0
                else:
                    position += step
            step //= 2
    return data


def _without(data: bytes, start: int, length: int) -> bytes:
    return data[:start] + data[start + length :]


def _zeroed(data: bytes, start: int, length: int) -> bytes:
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def stored(folder: Path) -> Iterator[tuple[str, Path]]:
    """Reason and file of every crasher in a folder of folders."""
    for path in sorted(folder.glob("*/*")):
        yield path.parent.name, path
