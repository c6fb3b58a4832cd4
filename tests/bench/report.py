"""Figures as Markdown: for the terminal, and between marks in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.scenarios import Job
from tests.bench.server import ROOT, Server
from tests.bench.systems import OURS, SYSTEMS

PAGE = ROOT / "docs/benchmarks.md"
HEAD = (
    "reader", "seconds (least to most)", "theirs ÷ ours", "requests", "again", "MB", "CPU s", "peak MB",
    "start s", "equal",
)  # fmt: skip
Row = Mapping[str, Any]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def report(jobs: Sequence[Job], rows: Sequence[Row], about: str) -> str:
    """Everything of one run: machine and versions, ratios, where we do not win, then each scenario."""
    by_job = {job.name: [row for row in rows if row["scenario"] == job.name] for job in jobs}
    ratios = {name: _ratios(mine) for name, mine in by_job.items()}
    parts = [about, _summary(jobs, ratios), _not_won(ratios)]
    parts += [_scenario(job, by_job[job.name], ratios[job.name]) for job in jobs]
    return "\n\n".join(parts)


def _good(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """By reader, only runs that did not fail."""
    out: dict[str, list[Row]] = {}
    for row in rows:
        if "error" not in row:
            out.setdefault(row["reader"], []).append(row)
    return out


def _ratios(rows: Iterable[Row]) -> dict[str, float]:
    """Theirs ÷ ours, the median of the rounds, each within its round."""
    good = _good(rows)
    ours = {row["round"]: row["wall_s"] for row in good.get(OURS, ())}
    pairs = {
        reader: [row["wall_s"] / ours[row["round"]] for row in mine if row["round"] in ours]
        for reader, mine in good.items()
        if reader != OURS
    }
    return {reader: median(each) for reader, each in pairs.items() if each}


def _summary(jobs: Sequence[Job], ratios: Mapping[str, Mapping[str, float]]) -> str:
    readers = sorted({reader for each in ratios.values() for reader in each})
    lines = [
        [f"{job.name} {job.title}", *(_number(ratios[job.name].get(reader), ".2f") for reader in readers)]
        for job in jobs
    ]
    return "Their time ÷ ours (above 1, ours is faster):\n\n" + table(["", *readers], lines)


def _not_won(ratios: Mapping[str, Mapping[str, float]]) -> str:
    lost = [
        f"- {name}: {reader} takes {ratio:.2f} of our time"
        for name, each in ratios.items()
        for reader, ratio in sorted(each.items())
        if ratio <= 1
    ]
    return "Where ours does not win:\n\n" + "\n".join(lost or ["- nowhere in this run"])


def _scenario(job: Job, rows: Sequence[Row], ratios: Mapping[str, float]) -> str:
    lines, good = [], _good(rows)
    for reader, mine in sorted(good.items(), key=lambda item: median(r["wall_s"] for r in item[1])):
        lines.append(_line(reader, mine, ratios.get(reader)))
    failed = {row["reader"]: row["error"] for row in rows if "error" in row}
    lines += [[reader, f"failed: {error[:160]}"] + [""] * (len(HEAD) - 2) for reader, error in failed.items()]
    for name, system in SYSTEMS.items():
        if job.kind in system.lacks:
            lines.append([name, system.lacks[job.kind]] + [""] * (len(HEAD) - 2))
    return f"### {job.name} {job.title}\n\n{table(HEAD, lines)}"


def _line(reader: str, rows: Sequence[Row], ratio: float | None) -> list[str]:
    def middle(name: str) -> float:
        return float(median(row[name] for row in rows))

    walls = [row["wall_s"] for row in rows]
    agreements = [row["agreement"] for row in rows if row["agreement"] is not None]
    return [
        f"**{reader}**" if reader == OURS else reader,
        f"{median(walls):.3f} ({min(walls):.2f} to {max(walls):.2f})",
        _number(ratio, ".2f"),
        f"{middle('requests'):,.0f}",
        f"{middle('repeated'):,.0f}",
        f"{middle('byte_count') / 1e6:,.1f}",
        f"{middle('cpu_s'):.2f}",
        f"{middle('peak_mb'):,.0f}",
        f"{middle('start_s'):.2f}",
        # 99.97 % is not all: cut, never rounded up
        f"{int(min(agreements) * 1e4) / 100:g} %" if agreements else "own grid",
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def about(server: Server | None, delay_ms: float, count: int, versions: Mapping[str, str]) -> str:
    """When, on what, with what; without a server nothing is read."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    mtu = Path("/sys/class/net/lo/mtu")
    link = f"loopback's MTU {mtu.read_text().strip()}" if mtu.exists() else "loopback"
    system = f"{platform.system()} {platform.release()}"
    return "\n".join(
        (
            f"- {datetime.now(UTC):%Y-%m-%d}, median of {count} rounds",
            *([f"- {server.kind}, first byte after {delay_ms:g} ms, {link}"] if server else []),
            f"- {_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {system}",
            "- " + ", ".join(f"{name} {version}" for name, version in versions.items()),
        )
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def write(name: str, text: str, say: Callable[[str], None]) -> None:
    """Put ``text`` between the marks ``name`` of the page."""
    begin, end = f"<!-- {name}: written by ./dev bench -->", f"<!-- /{name} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"bench: {PAGE} has no {begin} … {end}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
    say(f"wrote {PAGE.relative_to(ROOT)}")
