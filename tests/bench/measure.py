"""Readers run as processes, one at a time, and what each one took of the machine and of the server."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.results import keeps_values
from tests.bench.scenarios import Job
from tests.bench.server import ROOT, Server
from tests.bench.systems import REFERENCES, SYSTEMS

CLEARED = ("GDAL_", "CPL_", "VSI_", "AWS_", "RASTERET_", "PYTHONDONTWRITEBYTECODE")
"""Prefixes of variables that would change what is measured."""
PROCESS = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
LONGEST_S = 600


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A reader in one of its variants."""

    system: str
    """A key of ``SYSTEMS``."""
    variant: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        threads = f"{self.variant} threads" if self.variant.isdecimal() else self.variant
        return f"{self.system}, {threads}" if threads else self.system


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where readers work."""

    folder: Path
    """The bucket."""
    server: Server
    scratch: Path
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Interpreters by system, for those that this one has not."""

    def prepare(self, job: Job, contender: Contender) -> str | None:
        """What the reader keeps between sessions; why it failed, if it did."""
        error = self._process(job, contender, "prepare").get("error")
        return None if error is None else str(error)

    def reference(self, job: Job) -> None:
        """What another library makes of the local files, kept beside the bucket."""
        if not self._reference(job).exists():
            system = REFERENCES.get(job.kind, "rasterio")
            done = self._process(job, Contender(system=system, variant="local"), "reference")
            if "error" in done:
                raise SystemExit(f"bench: {system} gave no reference for {job.name}: {done['error']}")

    def measure(self, job: Job, contender: Contender) -> dict[str, Any]:
        """One cold process: its figures and the server's, or ``error``."""
        mark = self.server.mark()
        figures = self._process(job, contender, "measure")
        return figures | asdict(self.server.since(mark)) | {"scenario": job.name, "reader": contender.label}

    def _reference(self, job: Job) -> Path:
        digest = hashlib.sha256(json.dumps(job.to_json()).encode()).hexdigest()[:12]
        return self.folder.parent / f"reference-{digest}.{'npz' if keeps_values(job.kind) else 'json'}"

    def _process(self, job: Job, contender: Contender, step: str) -> dict[str, Any]:
        system = SYSTEMS[contender.system]
        scratch = self.scratch / job.name / system.module
        scratch.mkdir(parents=True, exist_ok=True)
        request = {
            "step": step, "job": job.to_json(), "system": system.module, "variant": contender.variant,
            "url": self.server.url, "folder": str(self.folder), "scratch": str(scratch),
            "reference": str(self._reference(job)),
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
        try:
            done = subprocess.run(
                [self.pythons.get(contender.system, sys.executable), "-m", "tests.bench.worker"],
                input=json.dumps(request),
                capture_output=True,
                text=True,
                check=False,
                timeout=LONGEST_S,
                cwd=ROOT,
                env=kept | PROCESS | system.environ | contender.environ,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not done after {LONGEST_S} s"}
        if done.returncode:
            said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()
            return {"error": said[-1]}
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures


def rounds(
    bench: Bench, job: Job, contenders: Sequence[Contender], count: int, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Figures of every contender that can do the job, in a new order each round."""
    able = [c for c in contenders if SYSTEMS[c.system].does(job)]
    for contender in {c.system: c for c in able}.values():
        error = bench.prepare(job, contender)
        if error is not None:
            able = [c for c in able if c.system != contender.system]
            yield {"scenario": job.name, "reader": contender.label, "round": 0, "error": error}
    if able:
        bench.measure(job, able[0])  # so that the first to be timed does not find the files on disk
    order = random.Random(job.name)
    for number in range(count):
        for contender in order.sample(able, len(able)):
            figures = bench.measure(job, contender) | {"round": number}
            took = figures.get("error") or f"{figures['wall_s']:.3f} s, {figures['requests']} requests"
            say(f"{job.name}, round {number + 1} of {count}, {contender.label}: {took}")
            yield figures
