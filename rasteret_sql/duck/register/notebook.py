"""In a notebook, a relation with chips shows pictures.

IPython asks its formatters how to show a value. Ours answers for DuckDB's relations whose columns are those
of a chip (a row of read_cog), or that have a column of chips or of PNG files; for all others it has no
answer, and DuckDB's own display stays as it is. Nothing is imported outside a notebook.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from html import escape
from typing import Any

ROWS = 20
"""Rows that are shown; more are not fetched, but for one that tells that there are more."""
SMALLEST_SIDE, LONGEST_SIDE = 96, 512
"""Pixels on the screen: smaller pictures are enlarged without blur, larger ones reduced."""
LONGEST_TEXT = 60
CHIP_COLUMNS = frozenset({"dtype", "shape", "data", "valid"})
HIDDEN = frozenset({"valid", "transform", "bbox"})
"""Columns of a chip that say nothing beside its picture."""
PNG = b"\x89PNG\r\n\x1a\n"


def register_display() -> None:
    """Tell IPython how to show relations, where this runs in one; again is harmless."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        import duckdb

        shell.display_formatter.mimebundle_formatter.for_type(duckdb.DuckDBPyRelation, bundle)


def bundle(relation: Any, include: Any = None, exclude: Any = None) -> dict[str, str] | None:
    """A relation with pictures, as HTML and, for a terminal, as a line of text; None for one without."""
    import duckdb

    kinds = dict(zip(relation.columns, relation.types, strict=True))
    if not _may_have_pictures(kinds):
        return None
    try:
        rows = relation.limit(ROWS + 1).fetchall()
    except duckdb.Error:
        return None  # DuckDB's own display says what is wrong
    table = _table(relation.columns, kinds, rows[:ROWS])
    if table is None:
        return None
    more = f"<p>The first {ROWS} rows.</p>" if len(rows) > ROWS else ""
    names = ", ".join(relation.columns)
    return {"text/html": table + more, "text/plain": f"<{min(len(rows), ROWS)} rows of {names}>"}


def _may_have_pictures(kinds: dict[str, Any]) -> bool:
    return _is_chip(kinds) or any(kind.id == "blob" or _is_chip_type(kind) for kind in kinds.values())


def _is_chip(kinds: dict[str, Any]) -> bool:
    return kinds.keys() >= CHIP_COLUMNS and kinds["data"].id == "blob"


def _is_chip_type(kind: Any) -> bool:
    return kind.id == "struct" and _is_chip(dict(kind.children))


def _table(columns: Sequence[str], kinds: dict[str, Any], rows: Sequence[tuple[Any, ...]]) -> str | None:
    """None where nothing turned out to be a picture."""
    whole = _is_chip(kinds)
    shown = [name for name in columns if not (whole and name in HIDDEN)]
    found = False
    lines = []
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        if whole:
            values["data"] = _picture(values)
        cells = []
        for name in shown:
            value = values[name]
            png = _picture(value) if _is_chip_type(kinds[name]) and value is not None else value
            is_png = isinstance(png, bytes) and png.startswith(PNG)
            found = found or is_png
            cells.append(f"<td>{_image(png) if is_png else _text(value)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    if not found:
        return None
    head = "".join(f"<th>{escape(name)}</th>" for name in shown)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _picture(chip: dict[str, Any]) -> Any:
    """The PNG of a chip; what its data was where it cannot be drawn."""
    from rasteret_sql.duck.arguments.chip_values import chip_of
    from rasteret_sql.errors import RasteretError
    from rasteret_sql.raster.export.picture import png

    if chip["data"] is None:
        return None
    try:
        return png(chip_of(chip, placed=False), stretch=None, colours=None)
    except RasteretError:  # complex numbers, or columns that were changed
        return chip["data"]


def _image(png: bytes) -> str:
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    scale = max(1.0, SMALLEST_SIDE // min(width, height))
    scale = min(scale, LONGEST_SIDE / max(width, height))
    across, down = (max(1, round(side * scale)) for side in (width, height))
    source = base64.b64encode(png).decode()
    return (
        f'<img src="data:image/png;base64,{source}" width="{across}" height="{down}" '
        'style="image-rendering: pixelated; max-width: none">'
    )


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = "NULL" if value is None else str(value)
    if len(text) > LONGEST_TEXT:  # the end of an href says most
        text = f"{text[: LONGEST_TEXT // 3]}…{text[-LONGEST_TEXT * 2 // 3 :]}"
    return escape(text)
