"""Pixels of two readers compared: by digests, and pixel by pixel where a reader may round otherwise."""

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


def save(result: Result, kind: str, path: Path) -> None:
    """Keep a reference: the pixels of a warp, digests of all else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "warp":
        with path.open("wb") as file:
            np.savez(file, **dict(result))
    else:
        known = {key: [array.dtype.name, _digest(array)] for key, array in result.items()}
        path.write_text(json.dumps(known))


def agreement(result: Result, kind: str, path: Path) -> float:
    """The share of the reference that ``result`` has: of pixels of a warp, of whole arrays of all else."""
    if kind == "warp":
        with np.load(path) as reference:
            wanted = {key: reference[key] for key in reference.files}
        equal = sum(
            int((result[key] == want).sum())
            for key, want in wanted.items()
            if key in result and result[key].shape == want.shape
        )
        return equal / sum(want.size for want in wanted.values())
    known: dict[str, list[str]] = json.loads(path.read_text())
    same = [
        key in result and _digest(result[key].astype(dtype, copy=False)) == digest
        for key, (dtype, digest) in known.items()
    ]
    return 0.0 if len(result) != len(known) else sum(same) / len(same)


def _digest(array: npt.NDArray[Any]) -> str:
    content = hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).hexdigest()
    return f"{array.shape} {content}"
