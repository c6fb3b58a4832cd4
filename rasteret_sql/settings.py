"""Limits and sizes of one process: from ``RASTERET_<NAME>`` in the environment, then ``configure()``.

The fields of ``Settings`` are the whole declaration: name, type, default, unit, description and
smallest value. ``describe()`` lists them with the values in force.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rasteret_sql.errors import ArgumentError

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
URL = (r"https?://[^/].*", "not an http(s) URL; expected https://host/path")
PROTOCOLS = (
    r"\s*[a-z][a-z0-9+.\-]*(\s*,\s*[a-z][a-z0-9+.\-]*)*\s*",
    "not a list of protocols; expected names such as sftp, zip",
)
REGION = (r"(aws|gcp|azure)/[a-z0-9\-]+", "not a region; expected a name such as aws/us-west-2")
"""A pattern, and what is wrong with a text that does not match it."""
BOOLEANS = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}
BYTE_UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": KIB, "mib": MIB, "gib": GIB,
}  # fmt: skip


def _setting(
    default: Any,
    unit: str,
    description: str,
    *,
    at_least: float = 0,
    choices: tuple[str, ...] = (),
    form: tuple[str, str] | None = None,
    automatic: bool = False,
) -> Any:
    """``automatic``: 0 may be written as auto."""
    about = {
        "unit": unit,
        "description": description,
        "at_least": at_least,
        "choices": choices,
        "form": form,
        "automatic": automatic,
    }
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The values in force."""

    max_concurrency: int = _setting(
        0,
        "requests",
        "Requests in flight at once to one server or bucket; 0 or auto: found while running, 8 to 256.",
        automatic=True,
    )
    request_timeout_s: float = _setting(
        30.0,
        "seconds",
        "A request that gets no byte for this long is given up and tried again.",
        at_least=0.01,
    )
    connect_timeout_s: float = _setting(
        10.0, "seconds", "Longest wait for a connection to a server.", at_least=0.01
    )
    max_retries: int = _setting(
        4,
        "retries",
        "How often a request is sent again after a fault that may pass (timeout, reset, 429, 5xx).",
    )
    merge_gap_bytes: int = _setting(
        64 * KIB, "bytes", "Ranges of one file that lie no further apart are read by one request."
    )
    merge_max_bytes: int = _setting(
        16 * MIB, "bytes", "Ranges are not merged beyond this length.", at_least=1
    )
    bytes_in_flight: int = _setting(
        64 * MIB, "bytes", "Bytes asked for or received, but not yet taken by the decoder.", at_least=1
    )
    tile_cache_bytes: int = _setting(
        128 * MIB,
        "bytes",
        "Tiles kept for the next read: as stored after a first read, decoded after a second; 0 keeps none.",
    )
    tile_cache_dir: str = _setting(
        "",
        "",
        "Folder in which tiles of remote files are kept as stored, for later queries and other processes; "
        "empty: none.",
    )
    tile_cache_dir_bytes: int = _setting(
        10 * GIB,
        "bytes",
        "What the tiles in tile_cache_dir may take; those unused for longest go first.",
        at_least=1,
    )
    header_cache_bytes: int = _setting(
        32 * MIB, "bytes", "Headers kept of remote files that queries name by href; 0 keeps none."
    )
    reuse_memory: bool = _setting(
        True,
        "boolean",
        "Whether buffers of tiles and files are reused; up to 64 MiB are kept idle. With false large "
        "reads are slower; it shows whether reuse is to blame for a fault.",
    )
    native_decoding: bool = _setting(
        True,
        "boolean",
        "Whether tiles are decoded by compiled code, where it was built for this platform. With false, or "
        "without it, Python decodes them: the same pixels, more slowly.",
    )
    batch_bytes: int = _setting(
        0,
        "bytes",
        "Memory of the chips that read_cog and read_cog_tiles have in flight, of all threads together; a "
        "larger chip is read by itself. 0 or auto: a quarter of DuckDB's memory_limit, at most 1 GiB.",
        automatic=True,
    )
    max_read_bytes: int = _setting(
        4 * GIB,
        "bytes",
        "Decoded pixels that one batch of rows may hold in memory; of functions that answer a chip or a file "
        "for each row (RS_Clip, RS_AsNPY), a quarter of DuckDB's memory_limit where that is less.",
        at_least=1,
    )
    max_directories: int = _setting(
        512, "directories", "Image directories (IFDs and SubIFDs) that one TIFF may have.", at_least=1
    )
    max_directory_entries: int = _setting(
        4096, "entries", "Tags that one directory of a TIFF may have, known or not.", at_least=1
    )
    max_tag_bytes: int = _setting(
        16 * MIB,
        "bytes",
        "Values of all tags of one TIFF, without GDAL's XML and the tables of blocks.",
        at_least=1,
    )
    max_metadata_bytes: int = _setting(
        MIB, "bytes", "GDAL's XML (tag 42112) of all directories of one TIFF.", at_least=1
    )
    max_blocks: int = _setting(
        16 * 2**20,
        "blocks",
        "Tiles or strips of all images of one TIFF, overviews and masks included.",
        at_least=1,
    )
    max_tile_bytes: int = _setting(
        512 * MIB, "bytes", "One tile or strip, as it is stored and as it lies decoded in memory.", at_least=1
    )
    verify: str = _setting(
        "auto",
        "",
        "Checksums of tiles. auto: of those that are read as a whole, which leaves out long tiles of which "
        "only the top is wanted; tile: all are read as a whole; none: passed over where they do not match.",
        choices=("auto", "tile", "none"),
    )
    max_area_vertices: int = _setting(
        10_000_000, "vertices", "One geometry of an area, a zone, an item or an index row.", at_least=1
    )
    decode_threads: int = _setting(
        os.cpu_count() or 1, "threads", "Threads that decompress tiles.", at_least=1
    )
    transport: str = _setting(
        "auto",
        "",
        "auto: obstore where it fits and fsspec for the rest; fsspec: never obstore.",
        choices=("auto", "fsspec"),
    )
    max_document_bytes: int = _setting(
        64 * MIB,
        "bytes",
        "One STAC document in JSON, or one answer of a STAC API, also after decompression.",
        at_least=1,
    )
    max_document_depth: int = _setting(
        128, "levels", "How deep the arrays and objects of a JSON document may be nested.", at_least=8
    )
    max_document_items: int = _setting(
        1_000_000, "items", "STAC items that one document may hold.", at_least=1
    )
    max_search_items: int = _setting(
        10_000_000,
        "items",
        "STAC items that one search may find: a catalogue may go on without end.",
        at_least=1,
    )
    stac_page_size: int = _setting(200, "items", "Items asked for in one page of a STAC search.", at_least=1)
    stac_concurrency: int = _setting(
        8, "requests", "STAC searches and documents in flight at once.", at_least=1
    )
    progress: str = _setting(
        "auto", "", "auto: bars for long work in terminals and notebooks; off: none.", choices=("auto", "off")
    )
    planetary_computer_sas_url: str = _setting(
        "", "", "The service that gives tokens for the Planetary Computer's files; empty: its own.", form=URL
    )
    protocols: str = _setting(
        "",
        "",
        "fsspec's protocols that are read besides the built-in ones and memory, in chains too: sftp, zip.",
        form=PROTOCOLS,
    )
    allow_private_hosts: bool = _setting(
        False,
        "boolean",
        "Whether a document of a public server may name hosts of this machine and of private networks.",
    )
    max_query_bytes: int = _setting(
        0, "bytes", "Bytes of tiles that one query may ask for; a query over it is refused. 0: no limit."
    )
    max_query_requests: int = _setting(
        0, "requests", "Requests for tiles that one query may make; a query over it is refused. 0: no limit."
    )
    max_query_cost: float = _setting(
        0.0,
        "dollars",
        "What the tiles of one query may cost, as rasteret_explain says; a query over it is refused. 0: no "
        "limit.",
    )
    query_region: str = _setting(
        "",
        "",
        "Where queries run, such as aws/us-west-2, for what rasteret_explain says that egress costs; empty: "
        "anywhere on the internet.",
        form=REGION,
    )
    request_log_rows: int = _setting(
        100_000, "rows", "Rows remembered by rasteret_requests(), the newest; 0 keeps none."
    )


Value = bool | int | float | str

_DEFAULTS = Settings()
_FIELDS = {f.name: f for f in fields(Settings)}
_lock = threading.Lock()
_configured: dict[str, Any] = {}
_current: Settings | None = None


def settings() -> Settings:
    """The values in force: defaults, then the environment as it was at the first call, then ``configure``."""
    current = _current
    return current if current is not None else _build()


def configure(**values: object) -> Settings:
    """Change settings of this process; a value of None goes back to the environment or the default.

    Raises ``ArgumentError`` for an unknown name, a value of the wrong type or out of range; then
    nothing changes. Byte sizes may be text: ``'512 MiB'``.
    """
    checked = {name: None if value is None else _checked(name, value, name) for name, value in values.items()}
    for name in checked:
        _known(name, name)
    with _lock:
        for name, value in checked.items():
            if value is None:
                _configured.pop(name, None)
            else:
                _configured[name] = value
    return _build()


def given_values() -> dict[str, Value]:
    """The settings that this process was given, by the environment or by ``configure``: not the defaults."""
    given = [name for name in _FIELDS if os.environ.get(_variable(name)) or name in _configured]
    return {name: getattr(settings(), name) for name in given}


def describe() -> list[tuple[str, Value, Value, str, str]]:
    """One row per setting: name, value, default, unit, description."""
    current = settings()
    return [
        (
            name,
            getattr(current, name),
            getattr(_DEFAULTS, name),
            f.metadata["unit"],
            f.metadata["description"],
        )
        for name, f in _FIELDS.items()
    ]


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The defaults with every ``RASTERET_<NAME>`` of ``environ`` laid over them."""
    given = {name: environ.get(_variable(name), "") for name in _FIELDS}
    values: dict[str, Any] = {n: _checked(n, text, _variable(n)) for n, text in given.items() if text}
    return replace(_DEFAULTS, **values)


def _build() -> Settings:
    global _current
    with _lock:
        _current = replace(from_environment(os.environ), **_configured)
        return _current


def _variable(name: str) -> str:
    return f"RASTERET_{name.upper()}"


def _known(name: str, given_as: str) -> None:
    if name not in _FIELDS:
        raise ArgumentError(f"There is no setting {given_as!r}. The settings are: {', '.join(_FIELDS)}.")


def _checked(name: str, value: object, given_as: str) -> Value:
    """``value`` as the type of setting ``name``; ``given_as`` is what the message calls it."""
    _known(name, given_as)
    about, default = _FIELDS[name].metadata, getattr(_DEFAULTS, name)
    if isinstance(default, str):
        if about["choices"] and value not in about["choices"]:
            raise ArgumentError(
                f"Setting {given_as} is {value!r}; it must be one of: {', '.join(about['choices'])}."
            )
        if about["form"] and value and not re.fullmatch(about["form"][0], str(value), re.IGNORECASE):
            raise ArgumentError(f"Setting {given_as} is {about['form'][1]}.")
        return str(value)
    if isinstance(default, bool):
        truth = BOOLEANS.get(str(value).lower())
        if truth is None:
            raise ArgumentError(f"Setting {given_as} is {value!r}; it must be true or false.")
        return truth
    if about["automatic"] and value == "auto":
        return 0
    number = _number(value, about["unit"] == "bytes")
    if number is None or (isinstance(default, int) and number != int(number)):
        what = "a whole number" if isinstance(default, int) else "a number"
        raise ArgumentError(f"Setting {given_as} is {value!r}; it must be {what} of {about['unit']}.")
    if not about["at_least"] <= number < 2**63:
        raise ArgumentError(
            f"Setting {given_as} is {value!r}; it must be at least {about['at_least']:g} {about['unit']}."
        )
    return int(number) if isinstance(default, int) else float(number)


def byte_count_of(text: str) -> float | None:
    """Bytes of a text such as '12.5 GiB'; None otherwise."""
    return _number(text, is_bytes=True)


def _number(value: object, is_bytes: bool) -> int | float | None:
    """``value`` as a finite number, None otherwise. Text with a unit counts for sizes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if abs(value) < float("inf") else None
    match = (
        re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([a-z]*)\s*", value.lower()) if isinstance(value, str) else None
    )
    if match is None or (match[2] and not (is_bytes and match[2] in BYTE_UNITS)):
        return None
    number = float(match[1]) if "." in match[1] else int(match[1])
    return number * BYTE_UNITS[match[2]]
