"""Coverage-guided fuzzing of STAC documents, items and next links; see ``./dev fuzz``.

Half of the inputs are changed as JSON, member by member, because most changes of bytes are damaged JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.findings import Findings
    from tests.fuzz.stac_check import check_stac
    from tests.fuzz.stac_mutations import mutated_json


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Changed as JSON where it is JSON, or as bytes."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        try:
            changed = json.dumps(mutated_json(json.loads(data), draw)).encode()
        except (ValueError, RecursionError):
            changed = b""
        if 0 < len(changed) <= max_size:
            return changed
    return bytes(atheris.Mutate(data, max_size))


if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_stac)
    atheris.Setup(sys.argv, findings.try_one, custom_mutator=mutated)
    atheris.Fuzz()
