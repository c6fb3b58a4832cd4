"""docs/distributed.md does what it says: its blocks run in order, in one folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.parts.archive import SETTINGS, Archive

PAGE = Path(__file__).resolve().parents[2] / "docs/distributed.md"
CHECKS = """
    assert chips.num_rows == 300, chips.num_rows
    assert means.num_rows == 25, means.num_rows
    assert len(parts) == 1
"""


def test_the_blocks_of_the_page_run_as_a_program(archive: Archive, tmp_path: Path) -> None:
    first, *others = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    inside = "".join(f"    {line}\n" for block in others for line in block.splitlines())
    program = tmp_path / "page.py"
    program.write_text(f"{first}{inside}{CHECKS}")
    settings = {f"RASTERET_{name.upper()}": str(value) for name, value in SETTINGS.items()}
    done = subprocess.run(
        [sys.executable, program],
        cwd=archive.folder,
        env={**settings, "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "4 of " in done.stdout
