"""The page "What it reads", from the tables that decode and the tables that the tests hold to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rasteret_sql import settings
from rasteret_sql.codec.compression import SUPPORTED
from rasteret_sql.codec.images.table import IMAGE_CODECS
from rasteret_sql.codec.predictor import FLOATING_POINT, HORIZONTAL
from rasteret_sql.codec.samples import STORED_AS
from rasteret_sql.codec.support import COMPRESSIONS, PREDICTED, title
from rasteret_sql.tiff import tags
from tests.matrix.cases import CASES
from tests.matrix.disagreements import DISAGREEMENTS, Disagreement
from tests.matrix.refusals import REFUSED

KINDS = {
    "uint": "unsigned integer",
    "int": "signed integer",
    "float": "floating point",
    "complex_int": "complex of two integers",
    "complex": "complex of two floats",
}
LAYOUTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("tiles of any size, also larger than the image", {"layout": "tile.*"}),
    ("strips of any height", {"layout": "strip.*"}),
    ("pixel interleaved", {"interleave": "pixel", "bands": "[^1]|..+"}),
    ("band interleaved", {"interleave": "band", "bands": "[^1]|..+"}),
    ("little-endian", {"byte_order": "little"}),
    ("big-endian", {"byte_order": "big"}),
    ("BigTIFF", {"big": "True"}),
    ("overviews as directories of their own", {"overviews": "[12]", "extras": "(?!subifds).*"}),
    ("overviews as SubIFDs", {"extras": "subifds"}),
    ("sparse: blocks that are not stored hold nodata, else 0, and cost no request", {"extras": "sparse"}),
    ("internal mask, of 1 bit and of 8, with its own overviews", {"extras": "mask8?"}),
    ("internal mask with a sample for each band", {"extras": "mask-bands"}),
    ("alpha, associated or not", {"extras": "alpha.*|premultiplied"}),
    ("extra samples", {"extras": "unspecified"}),
    ("palette, given as stored, with `colormap`", {"extras": "colormap"}),
    ("MinIsWhite, given as stored", {"extras": "miniswhite"}),
    ("tiles that end with the last row of the image, in every compression", {"extras": "short"}),
    ("reversed bits (FillOrder 2)", {"extras": "fill-order-2"}),
    ("COG with GDAL's ghost area", {"writer": "cog"}),
)
GEOREFERENCE = (
    ("ModelPixelScale and ModelTiepoint", "`transform`; PixelIsPoint moves it by half a pixel"),
    ("ModelTransformation", "`transform`: rotated, sheared, south-up"),
    (
        "several tiepoints (ground control points)",
        "`gcps` and `gcps_crs`; no false transform: pixel coordinates, `crs` NULL",
    ),
    (
        "GeoKeys",
        "`crs`: an authority's code where there is one, else WKT2 with all parameters, vertical part too",
    ),
    (
        "GeoKeys that contradict each other, lack a part or name a code that PROJ does not know",
        "`crs` NULL and the reason in `crs_note`; pixels are read all the same, and "
        "`REPLACE ('EPSG:…' AS crs)` on an index row names the CRS",
    ),
    (
        '"Google Maps Global Mercator", WGS_1984_Web_Mercator and its relatives as names',
        "EPSG:3857, as in GDAL: coordinates of the sphere",
    ),
    (
        "`Units = international_feet` and others in the GTCitation of ERDAS IMAGINE",
        "the unit of the coordinates, as in GDAL, above that of the code; mm, in and miles are refused: GDAL "
        "takes them for others",
    ),
    (
        "an affine that is not finite, ModelPixelScale without ModelTiepoint",
        "pixel coordinates, `crs` NULL, the reason in `crs_note`",
    ),
    (
        "sidecar files: `.msk`, `.aux.xml`, `.ovr`, world files",
        "not read. `sidecars` names those of a local file, and a notice says so where they would give other "
        "numbers in GDAL; of a remote file nobody looks, which would be requests more",
    ),
    ("none of these", "pixel coordinates, `crs` NULL"),
    ("GDAL_NODATA", "`nodata`, as GDAL reads it; a value outside the dtype applies to no pixel"),
    ("GDAL_METADATA", "`scales`, `offsets`, `units`, `band_names`; statistics are left alone"),
    ("ColorMap", "`colormap`"),
    ("broken XML in GDAL_METADATA", "passed over, as GDAL does: the pixels are not touched by it"),
    ("every other tag: ICC, XMP, EXIF, RPC, private ones", "passed over, whatever its type and size"),
)
INTRODUCTION = """\
TIFF and BigTIFF as image archives hold them, samples as stored: nothing is widened, scaled or made up. The
tests compare {count:,} small files by two writers (GDAL and tifffile), every level of each, bit for bit
with GDAL (through rasterio) and with tifffile, and real files besides. What is not read is refused with an
error that names the file and the feature: in `error` of `cog_header`, and by the functions that read."""
COLOURS = """\
JPEG in YCbCr is given as RGB; every other colour space, the palette and MinIsWhite as stored. LERC may lie
inside Deflate or ZSTD; what its mask leaves out is NaN, or alpha 0."""
VALID = """\
`valid` is NULL where all pixels are. Else the first of these that the file has decides: an internal mask;
nodata, in all bands that are read; alpha above 0. A mask with a sample for each band applies band by band:
several bands are valid where one of them is (rasterio's `dataset_mask`), expressions where all are that they
name. Where some overviews lack the mask, `resolution :=` takes a level that has it, and `level :=` of one
that has none is an error."""
DAMAGE = """\
A bit that was damaged on its way or on a disk shows where the format has a checksum. The setting `verify`
says when it is looked at: `auto` (the default) of tiles that are read as a whole; of a long tile whose top
rows alone are wanted, the end is not read, nor is its checksum. `tile` reads every tile as a whole. `none`
passes over a Deflate or ZSTD checksum that does not match, to save what can be saved."""
LIMITS = "What asks for more is an error that names the setting. `rasteret_settings()` lists them all."
DISAGREE = "Each row is held by tests, which fail when it no longer holds."
NUMBERS = {1 << 10: "KiB", 1 << 20: "MiB", 1 << 30: "GiB"}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells)]


def ranges(numbers: Iterable[int]) -> str:
    """``1–6, 8``: runs of three and more are drawn together."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(texts)


def samples(pairs: Iterable[tuple[str, int]]) -> str:
    """``unsigned integer 8, 16; floating point 32``."""
    known = set(pairs)
    named = ((text, [bits for kind, bits in known if kind == name]) for name, text in KINDS.items())
    return "; ".join(f"{text} {ranges(bits)}" for text, bits in named if bits)


def compressions() -> list[str]:
    """The table of compressions."""
    rows = []
    for name in COMPRESSIONS:
        codes = ", ".join(
            str(code) for code, known in tags.COMPRESSIONS.items() if known == name.removesuffix("_2d")
        )
        codec = IMAGE_CODECS.get(name)
        what = "all" if codec is None else samples(codec.samples)
        predictors = "1, 2, 3" if name in SUPPORTED and SUPPORTED[name].predicts else "1"
        bands = "any" if codec is None or len(codec.bands) > 1000 else ranges(codec.bands)
        rows.append((title(name) if name != "none" else "none", codes, what, bands, predictors))
    return table(("compression", "code", "samples, in bits", "samples a pixel", "predictor"), rows)


def sample_types() -> list[str]:
    """The table of sample kinds and what they become."""
    rows = []
    for kind, text in KINDS.items():
        dtypes: dict[str, list[int]] = {}
        for (known, bits), (_, dtype) in STORED_AS.items():
            if known == kind:
                dtypes.setdefault(dtype, []).append(bits)
        rows += [(text, ranges(bits), f"`{dtype}`") for dtype, bits in dtypes.items()]
    return table(("samples", "bits", "`dtype`"), rows)


def layouts() -> list[str]:
    """The table of layouts, with how many files of the tests have each."""
    counted = [(text, sum(case.matches(where) for case in CASES)) for text, where in LAYOUTS]
    missing = [text for text, count in counted if not count]
    if missing:
        raise ValueError(f"no file of the tests has: {', '.join(missing)}")
    return table(("layout", "test files"), counted)


def checksums() -> list[str]:
    """What tells damaged bytes in each compression."""
    rows = []
    for name in COMPRESSIONS:
        codec = SUPPORTED.get(name) or IMAGE_CODECS[name]
        text = codec.checksum or "nothing; a stream that no longer makes sense is an error"
        rows.append((title(name) if name != "none" else "none", text if name != "none" else "nothing"))
    return table(("compression", "what tells"), rows)


def limits() -> list[str]:
    """The settings that bound what a file may cost."""
    rows = [
        (f"`{name}`", quantity(default, unit), text)
        for name, _, default, unit, text in settings.describe()
        if name.startswith("max_") and unit not in ("requests", "retries")
    ]
    return table(("setting", "default", "what it bounds"), rows)


def quantity(number: int | float | str, unit: str) -> str:
    """``4 GiB``, ``512 directories``."""
    if unit == "bytes" and isinstance(number, int):
        size, name = max((size, name) for size, name in NUMBERS.items() if number % size == 0)
        return f"{number // size} {name}"
    return f"{number:,} {unit}" if isinstance(number, int) else f"{number} {unit}"


def disagreement(row: Disagreement) -> tuple[str, ...]:
    """One row of the table of disagreements."""
    theirs = row.theirs if row.within is None else f"{row.theirs} (at most {row.within:g} away)"
    reader = {"gdal": "GDAL", "tifffile": "tifffile"}[row.reader]
    return row.files, reader, theirs, row.ours, row.why


def sections() -> Iterator[tuple[str, list[str]]]:
    """Heading and lines of every section."""
    predicted = [(number, samples(PREDICTED[number])) for number in (HORIZONTAL, FLOATING_POINT)]
    takes = table(("predictor", "takes samples of these bits"), predicted)
    yield "Compressions", [*compressions(), "", COLOURS, "", *takes]
    yield "Samples", sample_types()
    yield "Layouts", layouts()
    yield "Georeference and metadata", table(("in the file", "in the header"), GEOREFERENCE)
    yield "Valid pixels", [VALID]
    yield "Damaged bytes", [DAMAGE, "", *checksums()]
    yield "Limits", [LIMITS, "", *limits()]
    refused = [(row.what, row.message) for row in REFUSED]
    yield "Refused, by name", table(("what", "the error says"), refused)
    head = ("files", "reader", "it gives", "this package gives", "why")
    yield "Where readers disagree", [DISAGREE, "", *table(head, map(disagreement, DISAGREEMENTS))]


def page() -> str:
    """The whole page."""
    lines = ["# What it reads", "", INTRODUCTION.format(count=len(CASES))]
    for heading, content in sections():
        lines += ["", f"## {heading}", "", *content]
    return "\n".join(lines) + "\n"
