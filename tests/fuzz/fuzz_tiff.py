"""Coverage-guided fuzzing of the TIFF parser and of the header made from it; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.checks import check_tiff
    from tests.fuzz.findings import Findings

if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_tiff)
    atheris.Setup(sys.argv, findings.try_one)
    atheris.Fuzz()
