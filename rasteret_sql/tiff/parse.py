"""Parse the directories of a TIFF from the bytes that are there. Opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.settings import Settings, settings
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.alike import keep, read_alike
from rasteret_sql.tiff.block_grid import BlockGrid
from rasteret_sql.tiff.buffer import Bytes, NeedBytes, Range
from rasteret_sql.tiff.byte_counts import complete_byte_counts
from rasteret_sql.tiff.directory import Progress, Values, walk
from rasteret_sql.tiff.geokeys import MAX_VALUES, GeoKeyTags, resolve_geo_keys
from rasteret_sql.tiff.grid import GRID_TAGS, missing_tables, read_bits, read_grid, read_tables
from rasteret_sql.tiff.head import read_head
from rasteret_sql.tiff.image import GeoKey, Image, Tiff
from rasteret_sql.tiff.limits import Allowance

SUBFILE_TYPES = {1: 0, 2: 1, 3: 2}
"""The old SubfileType as bits of NewSubfileType."""

MAX_LERC_PARAMETERS = 16
"""Two are defined (version, and what compresses the blob further)."""

KEY_VALUES = 0
"""In place of a tag: what the GeoKeys of one directory hold, once each has its own copy."""


def parse(buffer: Bytes, limits: Settings | None = None) -> Tiff:
    """Every directory of the file: classic or BigTIFF, either byte order, tiles or strips.

    Raises ``NeedBytes`` with all ranges that are known to be missing: read them, add them to ``buffer``
    and call again. Raises ``MalformedError``, ``UnsupportedError`` and ``LimitError`` with the place in
    the file; the caller adds which file. ``limits`` are the settings in force where none are given, and
    stay what they were at the first call for a buffer.
    """
    if not isinstance(buffer.progress, Progress):
        buffer.progress = Progress(allowance=Allowance(limits or settings()))
    progress = buffer.progress
    if not progress.directories:
        known = read_alike(buffer, progress.allowance.limits)
        if known is not None:
            return known
    head = read_head(buffer)
    directories, missing = walk(buffer, head, progress)
    every = [Values(buffer, head, directory) for directory in directories]
    for values in every:
        if values.directory.offset not in progress.complete:
            wanted = _missing_values(values, progress)
            missing += wanted
            if not wanted:
                progress.complete.add(values.directory.offset)
    if missing:
        raise NeedBytes(missing)
    tiff = Tiff(
        byte_order=head.byte_order,
        big=head.big,
        images=tuple(_read_image(values, progress, every) for values in every),
        ghost=head.ghost,
    )
    keep(buffer, head, directories, progress, tiff)
    return tiff


def _missing_values(values: Values, progress: Progress) -> list[Range]:
    """What the buffer lacks of one directory's values; of its tables only as much as the grid needs."""
    allowance = progress.allowance
    plain = {
        tag: _missing_value(values, tag, allowance)
        for tag, field in values.directory.fields.items()
        if field.inside is None and tag not in tags.BLOCK_TABLES
    }
    missing = [part for parts in plain.values() for part in parts]
    if any(plain.get(tag) for tag in GRID_TAGS):
        return missing
    grid = progress.grids[values.directory.offset] = read_grid(values)
    return missing + missing_tables(values, grid, allowance)


def _missing_value(values: Values, tag: int, allowance: Allowance) -> list[Range]:
    length = values.length(tag)
    limit = "max_metadata_bytes" if tag == tags.GDAL_METADATA else "max_tag_bytes"
    claim = f"{values.label(tag)} holds {length:,} bytes"
    allowance.spend(limit, length, claim, place=(values.directory.offset, tag))
    return values.missing(tag)


def _next_position(every: Sequence[Values], progress: Progress, start: int) -> int | None:
    """Where the first directory, value or block behind ``start`` lies, or the file ends."""
    ends = [] if every[0].buffer.size is None else [every[0].buffer.size]
    for values in every:
        ends.append(values.directory.offset)
        ends += [one.position for one in values.directory.fields.values() if one.inside is None]
        grid = progress.grids[values.directory.offset]
        ends += read_tables(values, grid)[0].tolist()
    return min((end for end in ends if end > start), default=None)


def _read_image(values: Values, progress: Progress, every: Sequence[Values]) -> Image:
    grid = progress.grids[values.directory.offset]
    bits = read_bits(values)
    sample_format, dtype = _read_sample_type(values, bits)
    offsets, stored_counts = read_tables(values, grid)
    counts = complete_byte_counts(
        values, grid, offsets, stored_counts, partial(_next_position, every, progress)
    )
    colormap = _first_integers(values, tags.COLOR_MAP, 3 << min(bits, 16))
    lerc = _first_integers(values, tags.LERC_PARAMETERS, MAX_LERC_PARAMETERS)
    geo_keys: dict[int, GeoKey] = {}
    geo_minor_revision, geo_keys_problem = 0, None
    try:
        geo_keys, geo_minor_revision = _read_geo_keys(values, progress.allowance)
    except MalformedError as error:  # the pixels are the same without
        geo_keys_problem = str(error)
    return Image(
        width=grid.width,
        height=grid.height,
        tile_width=grid.tile_width,
        tile_height=grid.tile_height,
        tiled=grid.tiled,
        band_count=grid.band_count,
        dtype=dtype,
        bits_per_sample=bits,
        sample_format=sample_format,
        compression=_read_compression(values),
        predictor=values.integer(tags.PREDICTOR, 1),
        interleave=grid.interleave,
        photometric=_name(values.integer(tags.PHOTOMETRIC, 1), tags.PHOTOMETRICS),
        fill_order=values.integer(tags.FILL_ORDER, 1),
        extra_samples=_read_extra_samples(values, grid),
        subfile_type=_read_subfile_type(values),
        tile_offsets=offsets,
        tile_byte_counts=counts,
        jpeg_tables=values.raw(tags.JPEG_TABLES),
        lerc_parameters=lerc,
        colormap=colormap,
        gdal_nodata=values.text(tags.GDAL_NODATA),
        gdal_metadata=values.text(tags.GDAL_METADATA),
        model_tiepoint=values.floats(tags.MODEL_TIEPOINT),
        model_pixel_scale=values.floats(tags.MODEL_PIXEL_SCALE),
        model_transformation=values.floats(tags.MODEL_TRANSFORMATION),
        geo_keys=geo_keys,
        geo_keys_problem=geo_keys_problem,
        geo_minor_revision=geo_minor_revision,
    )


def _first_integers(values: Values, tag: int, most: int) -> tuple[int, ...] | None:
    """The values of a tag, ``most`` at most: what a damaged count claims beyond them has no meaning."""
    field = values.field(tag)
    integers = None if field is None else values.integers(tag, min(field.count, most))
    return None if integers is None else tuple(integers.tolist())


def _name(code: int, names: dict[int, str]) -> str:
    return names.get(code, f"unknown ({code})")


def _read_compression(values: Values) -> str:
    name = _name(values.integer(tags.COMPRESSION, 1), tags.COMPRESSIONS)
    two_dimensions = name == "ccitt_g3" and values.integer(tags.T4_OPTIONS, 0) & 1
    return tags.CCITT_G3_2D if two_dimensions else name


def _read_sample_type(values: Values, bits: int) -> tuple[str, str]:
    """Sample format and dtype; all bands of a TIFF must agree to be one array."""
    code = values.integer(tags.SAMPLE_FORMAT, 1)
    sample_format = _name(code, tags.SAMPLE_FORMATS)
    dtype = tags.dtype_of(sample_format, bits)
    if dtype is None:
        raise UnsupportedError(
            f"{values.directory.place}: samples of {bits} bits in sample format "
            f"{code} ({sample_format}) are not read"
        )
    return sample_format, dtype


def _read_extra_samples(values: Values, grid: BlockGrid) -> tuple[str, ...]:
    codes = values.integers(tags.EXTRA_SAMPLES)
    if codes is None:
        return ()
    if len(codes) > grid.band_count:
        raise values.malformed(tags.EXTRA_SAMPLES, f"names {len(codes)} of {grid.band_count} samples")
    return tuple(tags.EXTRA_SAMPLES_NAMES.get(code, "unspecified") for code in codes.tolist())


def _read_subfile_type(values: Values) -> int:
    if values.field(tags.NEW_SUBFILE_TYPE) is None and values.field(tags.SUBFILE_TYPE) is not None:
        return SUBFILE_TYPES.get(values.integer(tags.SUBFILE_TYPE), 0)
    return values.integer(tags.NEW_SUBFILE_TYPE, 0)


def _read_geo_keys(values: Values, allowance: Allowance) -> tuple[dict[int, GeoKey], int]:
    directory = _first_integers(values, tags.GEO_KEY_DIRECTORY, MAX_VALUES)
    if directory is None:
        return {}, 0
    stored = GeoKeyTags(
        directory=directory,
        doubles=values.floats(tags.GEO_DOUBLE_PARAMS) or (),
        ascii=values.raw(tags.GEO_ASCII_PARAMS) or b"",
    )
    claim = f"{values.label(tags.GEO_KEY_DIRECTORY)}: its keys hold {stored.values_bytes:,} bytes"
    place = (values.directory.offset, KEY_VALUES)
    allowance.spend("max_tag_bytes", stored.values_bytes, claim, place=place)
    try:
        return resolve_geo_keys(stored)
    except MalformedError as error:
        raise MalformedError(f"{values.directory.place}: {error}") from error
