"""The parts of one query, in the order of the index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import pyarrow as pa

from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.connections import new_cursor
from rasteret_sql.parts.session import Session
from rasteret_sql.parts.summary import CORE_BYTES_S, Summary, summary_of

if TYPE_CHECKING:
    from rasteret_sql.parts.part import Part

PARTIAL = "partial"
"""What the SQL of ``reduce`` calls the partial answers."""


@dataclass(frozen=True, kw_only=True)
class Parts(Sequence["Part"]):
    """A sequence of ``Part``, at least one; ``summary()`` says what they will read."""

    parts: Sequence[Part]
    weighed: str
    """How bytes were found: 'plan', 'areas', 'files' or 'rows', see ``summary()``."""
    planned_share: float = 1.0
    """Of the rows, whose plans stand for all."""
    reduce_sql: str | None = None

    @overload
    def __getitem__(self, at: int) -> Part: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Part]: ...
    def __getitem__(self, at: int | slice) -> Part | Sequence[Part]:
        return self.parts[at]

    def __len__(self) -> int:
        return len(self.parts)

    def summary(self, *, cores: float = 1, core_bytes_s: float = CORE_BYTES_S) -> Summary:
        """What the parts will read, and what that takes on so many cores; ``print`` it.

        core_bytes_s: compressed bytes of tiles that a core gets through in a second, for your own query.
        """
        return summary_of(
            self.parts, weighed=self.weighed, planned_share=self.planned_share, cores=cores,
            core_bytes_s=core_bytes_s,
        )  # fmt: skip

    def reduce(self, answers: Iterable[pa.Table]) -> pa.Table:
        """The partial answers of all parts, merged by the SQL that ``split`` was given."""
        if self.reduce_sql is None:
            raise ArgumentError(
                "Parts.reduce: split was not given the SQL that merges partial answers (reduce=…)"
            )
        return reduced(self.reduce_sql, answers, self.parts[0].session)


def reduced(sql: str, answers: Iterable[pa.Table], session: Session) -> pa.Table:
    """The answer of SQL over ``partial``: the rows of all ``answers``."""
    with closing(new_cursor(session)) as cursor:
        cursor.register(PARTIAL, pa.concat_tables(answers, promote_options="permissive"))
        return cursor.sql(sql).to_arrow_table()
