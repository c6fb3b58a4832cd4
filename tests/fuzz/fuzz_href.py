"""Coverage-guided fuzzing of hrefs: split, resolved, covered, allowed and shown; see ``./dev fuzz``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rasteret_sql"]):
    from tests.fuzz.findings import Findings
    from tests.fuzz.href_check import check_href

if __name__ == "__main__":
    findings = Findings(Path(os.environ["RASTERET_FUZZ_FINDINGS"]), check_href)
    atheris.Setup(sys.argv, findings.try_one)
    atheris.Fuzz()
