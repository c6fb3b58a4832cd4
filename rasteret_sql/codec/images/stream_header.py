"""What the stream of an image codec says of itself, checked before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from rasteret_sql.codec.layout import BlockLayout
from rasteret_sql.errors import MalformedError


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Size and samples of one coded image; None where its header does not say."""

    width: int
    height: int
    samples: int | None = None
    bits: int | None = None
    dtype: str | None = None
    fewer_bits: bool = False
    """Whether the codec gives samples of fewer bits than the tags say as they are."""

    def __str__(self) -> str:
        text = f"{self.width} x {self.height} pixels"
        text += "" if self.samples is None else f" x {self.samples}"
        text += "" if self.bits is None else f" x {self.bits} bits"
        return text if self.dtype is None else f"{text} ({self.dtype})"

    def check(self, layout: BlockLayout, rows: int) -> None:
        """``MalformedError`` where this is not a block of ``layout`` that holds ``rows`` rows or more."""
        bits = self.bits or layout.bits_per_sample
        fits = (
            self.width == layout.width
            and rows <= self.height <= layout.height
            and self.samples in (None, layout.samples)
            and (bits == layout.bits_per_sample or (self.fewer_bits and bits < layout.bits_per_sample))
            and self.dtype in (None, layout.dtype)
        )
        if not fits:
            raise MalformedError(f"found {self}")


def cut_short(what: str) -> MalformedError:
    """The error of a header that ends early."""
    return MalformedError(f"found {what} that is cut short")
