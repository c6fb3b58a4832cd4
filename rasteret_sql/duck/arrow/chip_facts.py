"""What is known of a chip's bands, as one text beside its plan, and as columns where they are requested."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rasteret_sql.raster.band_facts import BandFacts

Row = dict[str, Any]


def facts_row(facts: BandFacts) -> Row:
    """The columns of a planned chip or tile: chips have the text, tiles scales and offsets."""
    return {
        "band_facts": facts,
        "facts": _text_of(facts),
        "scales": facts.scales,
        "offsets": facts.offsets,
    }


def facts_columns(texts: Sequence[str | None]) -> list[Row | None]:
    """Each text as a row of ``types.CHIP_FACTS``."""
    return [None if text is None else _row_of(text) for text in texts]


@lru_cache(256)
def _text_of(facts: BandFacts) -> str:
    """Chips of one file, and files of one archive, have the same."""
    return json.dumps(vars(facts))


@lru_cache(256)
def _row_of(text: str) -> Row:
    row: Row = json.loads(text)
    return row
