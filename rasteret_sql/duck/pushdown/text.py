"""A text argument that is partly known only when the query runs: literals and SQL expressions in a row."""

from __future__ import annotations

from dataclasses import dataclass

from rasteret_sql.duck.quoting import quoted


@dataclass(frozen=True, kw_only=True)
class Text:
    """Pieces of a text; a piece that is an expression gives text, or NULL where it has none."""

    pieces: tuple[tuple[str, bool], ...]
    """Each piece, and whether it is SQL to be evaluated."""

    @property
    def known(self) -> str | None:
        """The text, when nothing of it has to be evaluated."""
        return None if any(sql for _, sql in self.pieces) else "".join(piece for piece, _ in self.pieces)

    @property
    def sql(self) -> str:
        """As one SQL expression. NULL when a piece is, which asks for nothing."""
        written: list[tuple[str, bool]] = []
        for piece, is_sql in self.pieces:
            if written and not is_sql and not written[-1][1]:
                written[-1] = (written[-1][0] + piece, False)
            else:
                written.append((piece, is_sql))
        return " || ".join(piece if is_sql else quoted(piece) for piece, is_sql in written)

    def __add__(self, other: Text) -> Text:
        return Text(pieces=self.pieces + other.pieces)


def plain(text: str) -> Text:
    """A text that is known."""
    return Text(pieces=((text, False),))


def evaluated(sql: str) -> Text:
    """A text that DuckDB makes."""
    return Text(pieces=((sql, True),))


def joined(texts: list[Text], word: str) -> Text:
    """``a AND b``, each in parentheses where there are several of the other word's kind."""
    whole = texts[0]
    for text in texts[1:]:
        whole = whole + plain(f" {word} ") + text
    return whole
