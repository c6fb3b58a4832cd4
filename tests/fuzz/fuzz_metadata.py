"""Coverage-guided fuzzing of the searches that an index of anyone keeps; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.findings import Findings
    from tests.fuzz.metadata_input import check_metadata

if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_metadata)
    atheris.Setup(sys.argv, findings.try_one)
    atheris.Fuzz()
