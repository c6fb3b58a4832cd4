"""Run the fuzz targets for a bounded time and tell what came of it: ``python -m tests.fuzz.run``.

A finding is an exception that is not a ``RasteretError``, more than 2 s of processor time or 512 MiB for
one input, a crash of the process, or a broken promise of ``tests.fuzz.checks``. Each is made small and kept
below ``--keep`` with its traceback, and the run goes on; only a crash of the process ends it. What is fixed
moves to ``tests/data/crashers/<reason>`` and is replayed by the tests. The corpus stays below ``--keep``
too, so that the next run goes on from it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import geometry_input, metadata_input, row_input, seeds
from tests.fuzz.href_check import href_seeds, href_words
from tests.fuzz.stac_seeds import stac_dictionary, stac_seeds

ROOT = Path(__file__).resolve().parents[2]
HANGS_AFTER_S = 120
"""A single input; slow ones that do end are found by their processor time."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One fuzz target: where it starts and how long its inputs may grow."""

    seeds: Callable[[], Iterator[tuple[str, bytes]]]
    dictionary: Callable[[], str]
    max_len: int


TARGETS = {
    "tiff": Target(seeds=seeds.tiff_seeds, dictionary=seeds.tiff_dictionary, max_len=8192),
    "stac": Target(seeds=stac_seeds, dictionary=stac_dictionary, max_len=16384),
    "tile": Target(seeds=seeds.tile_seeds, dictionary=seeds.codec_dictionary, max_len=8192),
    "geometry": Target(
        seeds=geometry_input.geometry_seeds, dictionary=geometry_input.geometry_words, max_len=8192
    ),
    "href": Target(seeds=href_seeds, dictionary=href_words, max_len=512),
    "metadata": Target(
        seeds=metadata_input.metadata_seeds, dictionary=metadata_input.metadata_words, max_len=2048
    ),
    "row": Target(seeds=row_input.row_seeds, dictionary=row_input.row_words, max_len=8192),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run of one target came to."""

    executions: int
    coverage: int
    """Edges of the package's bytecode that were reached."""
    findings: tuple[Path, ...]


def fuzz(name: str, seconds: int, keep: Path) -> Outcome:
    """Run one target; its corpus, findings and log are below ``keep``."""
    target, place = TARGETS[name], keep / name
    corpus, found = place / "corpus", place / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    _start_over(found, corpus)
    for title, data in target.seeds():
        (corpus / title).write_bytes(data)
    words = place / "dictionary"
    words.write_text(target.dictionary())
    log = place / "log.txt"
    command = [
        *(sys.executable, "-W", "ignore", "-m", f"tests.fuzz.fuzz_{name}", str(corpus)),
        *(f"-dict={words}", f"-max_total_time={seconds}", f"-max_len={target.max_len}"),
        *(
            f"-timeout={HANGS_AFTER_S}",
            f"-report_slow_units={HANGS_AFTER_S}",
            f"-artifact_prefix={found}/",
            "-print_final_stats=1",
        ),
        # atheris itself grows with the executions; memory is measured for each input instead
        *("-rss_limit_mb=0", "-keep_seed=1", "-reduce_inputs=0"),
    ]
    environment = {**os.environ, "RASTERET_FUZZ_FINDINGS": str(found), "OMP_NUM_THREADS": "1"}
    with log.open("w") as out:
        code = subprocess.call(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    text = log.read_text(errors="replace")
    findings = tuple(sorted(path for path in found.iterdir()))
    if code and not findings:
        raise SystemExit(f"fuzz {name}: the target ended with exit code {code}; see {log}")
    return Outcome(
        executions=max((int(n) for n in re.findall(r"(?:^#|units: )\s*(\d+)", text, re.M)), default=0),
        coverage=max((int(n) for n in re.findall(r"cov: (\d+)", text)), default=0),
        findings=findings,
    )


def _start_over(found: Path, corpus: Path) -> None:
    """Inputs that an earlier run found go first in this one; what is fixed is found no more."""
    earlier = [path for path in found.rglob("*") if path.is_file() and path.suffix != ".txt"]
    for number, path in enumerate(earlier):
        shutil.copy(path, corpus / f"found-{number}")
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir()


def main() -> int:
    """All or the named targets, each for the given time; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("targets", nargs="*", metavar="|".join(TARGETS), help="some of them; without, all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", type=Path, default=ROOT / ".fuzz", help="folder of corpus and findings")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    bad = False
    for name in arguments.targets or TARGETS:
        outcome = fuzz(name, arguments.seconds, arguments.keep)
        print(
            f"{name}: {outcome.executions:,} executions in {arguments.seconds} s, "
            f"{outcome.coverage} edges, {len(outcome.findings)} findings"
        )
        for path in outcome.findings:
            print(f"  {path}")
        bad = bad or bool(outcome.findings)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
