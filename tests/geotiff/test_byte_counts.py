"""Blocks whose length the file omits or gets wrong: what libtiff makes of them, and what is refused."""

import lzma
import struct
import zlib
from pathlib import Path

import duckdb
import imagecodecs
import numpy as np
import pytest
import rasterio

from rasteret_sql.tiff import alike

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
PIXELS = (np.arange(61 * 47) * 7 % 251).astype("u1").reshape(61, 47)
ENCODERS = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: zlib.compress,
    32773: lambda raw: b"".join(bytes([46]) + raw[at : at + 47] for at in range(0, len(raw), 47)),
    34925: lzma.compress,
    50000: imagecodecs.zstd_encode,
}
TILED = {322: 48, 323: 64}


def page(at: int, blocks: list[bytes], tags: dict[int, int], *, gap: bytes = b"", big: bool = False) -> bytes:
    """Blocks and the directory that names them, to lie at byte ``at``; ``tags`` replace the usual ones."""
    tiled = 322 in tags
    where = list(np.cumsum([at, *map(len, blocks)])[:-1])
    names = (324, 325) if tiled else (273, 279)
    fields: dict[int, object] = {
        256: PIXELS.shape[1], 257: PIXELS.shape[0], 258: 8, 259: 1, 262: 1, 277: 1, names[0]: where,
        names[1]: [len(block) for block in blocks], **({} if tiled else {278: PIXELS.shape[0]}), **tags,
    }  # fmt: skip
    fields = {tag: value for tag, value in sorted(fields.items()) if value is not None}
    body = b"".join(blocks) + gap
    body += b"\0" * (len(body) % 2)
    entry, more = ("<HHQ", "Q") if big else ("<HHI", "I")
    room = 8 if big else 4
    start = at + len(body)
    end = start + (8 if big else 2) + len(fields) * (20 if big else 12) + room
    head, far = struct.pack("<Q" if big else "<H", len(fields)), b""
    for tag, value in fields.items():
        numbers = value if isinstance(value, list) else [value]
        raw = struct.pack(f"<{len(numbers)}{more}", *map(int, numbers))
        head += struct.pack(entry, tag, 16 if big else 4, len(numbers))
        head += raw if len(raw) <= room else struct.pack(f"<{more}", end + len(far))
        far += raw if len(raw) > room else b""
    return body + head + bytes(room) + far


def write(
    path: Path, blocks: list[bytes], tags: dict[int, int], *, big: bool = False, gap: bytes = b""
) -> Path:
    at = 16 if big else 8
    body = page(at, blocks, tags, gap=gap, big=big)
    stored = sum(map(len, blocks)) + len(gap)
    start = at + stored + stored % 2
    magic = struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if big else struct.pack("<2sHI", b"II", 42, start)
    path.write_bytes(magic + body)
    return path


def pixels_of(con, path: Path) -> np.ndarray:
    data, shape = con.execute("SELECT data, shape FROM read_cog($1)", [str(path)]).fetchone()
    return np.frombuffer(data, "u1").reshape(shape)[0]


@pytest.mark.parametrize("big", [False, True], ids=["classic", "bigtiff"])
@pytest.mark.parametrize("code", ENCODERS)
@pytest.mark.parametrize("count", [0, None], ids=["zero", "missing"])
def test_the_length_of_one_strip_is_worked_out(con, tmp_path, code, big, count):
    path = write(tmp_path / "a.tif", [ENCODERS[code](PIXELS.tobytes())], {259: code, 279: count}, big=big)
    assert np.array_equal(pixels_of(con, path), PIXELS)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), PIXELS)


@pytest.mark.parametrize("code", ENCODERS)
def test_one_tile_with_an_offset_and_no_length_is_not_sparse(con, tmp_path, code):
    tile = np.zeros((64, 48), "u1")
    tile[:61, :47] = PIXELS
    encoded = ENCODERS[code](tile.tobytes()) if code != 32773 else imagecodecs.packbits_encode(tile)
    path = write(tmp_path / "a.tif", [encoded], {259: code, **TILED, 325: 0})
    assert np.array_equal(pixels_of(con, path), PIXELS)


@pytest.mark.parametrize("count", [1, 100, 10**6])
def test_an_uncompressed_strip_is_as_long_as_its_pixels_take(con, tmp_path, count):
    path = write(tmp_path / "a.tif", [PIXELS.tobytes()], {279: count})
    assert np.array_equal(pixels_of(con, path), PIXELS)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), PIXELS)


def test_a_strip_ends_where_the_next_page_begins(con, tmp_path):
    """Two pages in PackBits, whose strips follow each other before both directories."""
    strips = [ENCODERS[32773](PIXELS.tobytes()), ENCODERS[32773](PIXELS[::-1].tobytes())]
    first = page(8, strips, {259: 32773, 273: 8, 279: 0})
    at = 8 + len(first)
    second = page(at, [], {259: 32773, 273: 8 + len(strips[0]), 279: 0})
    data = bytearray(struct.pack("<2sHI", b"II", 42, 8 + sum(map(len, strips))) + first + second)
    link = 8 + sum(map(len, strips)) + 2 + 9 * 12
    data[link : link + 4] = struct.pack("<I", at)
    (tmp_path / "a.tif").write_bytes(data)
    assert np.array_equal(pixels_of(con, tmp_path / "a.tif"), PIXELS)


def test_sparse_is_what_has_neither_offset_nor_length(con, tmp_path):
    path = write(tmp_path / "a.tif", [b""], {273: 0, 279: 0})
    assert not pixels_of(con, path).any()


@pytest.mark.parametrize(
    ("tags", "name"), [({278: 31}, "StripByteCounts"), (TILED | {323: 32}, "TileByteCounts")]
)
def test_several_blocks_without_a_length_are_refused_where_they_are_read(con, tmp_path, tags, name):
    top, rest = PIXELS[: tags.get(323, 31)], PIXELS[tags.get(323, 31) :]
    blocks = [top.tobytes(), rest.tobytes()]
    if 322 in tags:
        blocks = [np.pad(part, ((0, 32 - len(part)), (0, 1))).tobytes() for part in (top, rest)]
    counts = {325 if 322 in tags else 279: [len(blocks[0]), 0]}
    path = write(tmp_path / "a.tif", blocks, tags | counts)
    with pytest.raises(duckdb.InvalidInputException, match=rf"a\.tif: the block at byte .*{name} .* is 0"):
        pixels_of(con, path)
    window = "{'x_off': 0, 'y_off': 0, 'width': 47, 'height': 20}"
    [(data,)] = con.execute(f"SELECT data FROM read_cog($1, {window})", [str(path)]).fetchall()
    assert data == PIXELS[:20].tobytes()
    query = "SELECT c.data, c.error FROM read_cog($1, on_error := 'null') AS c"
    [(data, error)] = con.execute(query, [str(path)]).fetchall()
    assert data is None
    assert name in error


def test_files_alike_but_for_the_length_do_not_share_it(con, tmp_path):
    """A header that is known spares parsing a file like it, but not working out its length."""
    alike._known.clear()
    encoded = zlib.compress(PIXELS.tobytes())
    for number, count in enumerate([len(encoded), 0, len(encoded)]):
        path = write(tmp_path / f"{number}.tif", [encoded], {259: 8, 279: count})
        assert np.array_equal(pixels_of(con, path), PIXELS), number
    other = zlib.compress(PIXELS[::-1].tobytes() * 1, 1)
    for number, strip in enumerate((encoded, other), 3):
        path = write(tmp_path / f"{number}.tif", [strip], {259: 8, 279: None}, gap=bytes(2000 - len(strip)))
        assert np.array_equal(pixels_of(con, path), PIXELS if strip is encoded else PIXELS[::-1])


def test_a_strip_that_ends_early_is_an_error(con, tmp_path):
    path = write(tmp_path / "a.tif", [zlib.compress(PIXELS[:20].tobytes())], {259: 8, 279: 0})
    with pytest.raises(duckdb.InvalidInputException, match="expected 2867 bytes decoded, found 940"):
        pixels_of(con, path)
