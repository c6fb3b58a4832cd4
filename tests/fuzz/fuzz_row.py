"""Coverage-guided fuzzing of index rows, which may come from anyone; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.findings import Findings
    from tests.fuzz.row_input import check_row, row_seeds


if __name__ == "__main__":
    for _ in row_seeds():
        pass  # their files are in memory now
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_row)
    atheris.Setup(sys.argv, findings.try_one)
    atheris.Fuzz()
