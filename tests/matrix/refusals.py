"""What is refused by name: the table that the tests hold to and the reference page prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.matrix.case import Case


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What is refused by name, by ``cog_header`` in ``error`` and by the reading functions."""

    what: str
    """In words."""
    message: str
    """A part of the message."""
    cases: tuple[Mapping[str, str], ...] = ()
    real: tuple[str, ...] = ()


REFUSED = (
    Refusal(
        what="predictor 2 or 3 beside PackBits: GDAL ignores the tag, tifffile heeds it",
        cases=({"compression": "packbits", "predictor": "[23]", "writer": "tifffile"},),
        message="with packbits compression has no agreed meaning",
    ),
    Refusal(
        what="predictor 3 on integers",
        cases=({"options": "Predictor=3"},),
        message="predictor 3 with 16 bits of uint16 has no meaning",
    ),
    Refusal(
        what="any other predictor",
        cases=({"options": "Predictor=(4|34892)"},),
        message="is not read by this version",
    ),
    Refusal(
        what="YCbCr outside of JPEG, and in JPEG with bands of their own: GDAL gives RGBA made of it, "
        "others the samples",
        cases=({"options": "PhotometricInterpretation=6"},),
        message="YCbCr is read in JPEG compression with interleaved bands only",
    ),
    Refusal(
        what="bands of different widths",
        cases=({"options": "BitsPerSample=.*"},),
        message="bands of different widths are not read",
    ),
    Refusal(
        what="samples of other kinds and widths than those above, such as floats of 8 bits",
        cases=({"extras": "float", "dtype": "uint8"},),
        message="are not read",
    ),
    Refusal(
        what="every compression that is not above: old-style JPEG, JBIG, PixarLog, SGILog, "
        "ThunderScan, NeXT, JPEG of DNG, PNG, JPEG XR, …",
        cases=({"compression": "png|jpegxr"}, {"options": "Compression=(?!32946).*"}),
        message="compression is not read by this version",
    ),
)


def refusal(case: Case) -> Refusal | None:
    """The row by which a case is refused."""
    return next((row for row in REFUSED if case.is_one_of(row.cases)), None)
