"""Coverage-guided fuzzing of the decoding of blocks, for every codec of the tables; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.checks import check_tile
    from tests.fuzz.findings import Findings
    from tests.fuzz.tile_input import HEAD_BYTES

LAYOUT_STAYS = 7 / 8
"""Of all inputs: most other layouts are refused before anything is decoded."""


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """The block changed, and now and then its layout too."""
    if seed % 1000 < 1000 * LAYOUT_STAYS and len(data) > HEAD_BYTES:
        return data[:HEAD_BYTES] + bytes(atheris.Mutate(data[HEAD_BYTES:], max_size - HEAD_BYTES))
    return bytes(atheris.Mutate(data, max_size))


if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_tile)
    atheris.Setup(sys.argv, findings.try_one, custom_mutator=mutated)
    atheris.Fuzz()
