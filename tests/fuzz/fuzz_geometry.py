"""Coverage-guided fuzzing of geometries, which items and index rows of strangers hold; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.findings import Findings
    from tests.fuzz.geometry_input import check_geometry

if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_geometry)
    atheris.Setup(sys.argv, findings.try_one)
    atheris.Fuzz()
