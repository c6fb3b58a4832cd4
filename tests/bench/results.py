"""Answers of two readers compared: by digests, and number by number where a reader may round otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Result = Mapping[str, npt.NDArray[Any]]
"""By the keys of ``Job.kind``."""
TOLERANCES = {"zonal": 1e-9, "coverage": 1e-7}
"""Relative to the reference, or to 1 where that is less. exactextract rounds fractions to float32."""


def keeps_values(kind: str) -> bool:
    """Whether a reference is more than digests, because a reader may round otherwise."""
    return kind == "warp" or kind in TOLERANCES


def _same(found: npt.NDArray[Any], want: npt.NDArray[Any], kind: str) -> npt.NDArray[np.bool_]:
    """Which pixels of a warp, and which fields of statistics, are the same."""
    if kind == "warp":
        return np.asarray(found == want)
    both = np.isnan(found) & np.isnan(want)
    near = abs(found - want) <= TOLERANCES[kind] * np.maximum(1, abs(want))
    same: npt.NDArray[np.bool_] = (both | near).all(axis=1)
    return same


def save(result: Result, kind: str, path: Path) -> None:
    """Keep a reference: the pixels of a warp, statistics, digests of all else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if keeps_values(kind):
        with path.open("wb") as file:
            np.savez(file, **dict(result))
    else:
        known = {key: [array.dtype.name, _digest(array)] for key, array in result.items()}
        path.write_text(json.dumps(known))


def agreement(result: Result, kind: str, path: Path) -> float:
    """The share of the reference that ``result`` has: pixels of a warp, fields, whole arrays of all else."""
    if keeps_values(kind):
        with np.load(path) as reference:
            wanted = {key: reference[key] for key in reference.files}
        same = [
            _same(result[key], want, kind)
            if key in result and result[key].shape == want.shape
            else np.zeros(len(want), np.bool_)
            for key, want in wanted.items()
        ]
        return float(np.concatenate([one.reshape(-1) for one in same]).mean())
    known: dict[str, list[str]] = json.loads(path.read_text())
    equal = [
        key in result and _digest(result[key].astype(dtype, copy=False)) == digest
        for key, (dtype, digest) in known.items()
    ]
    return 0.0 if len(result) != len(known) else sum(equal) / len(equal)


def _digest(array: npt.NDArray[Any]) -> str:
    content = hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).hexdigest()
    return f"{array.shape} {content}"
