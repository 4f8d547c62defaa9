"""Opens a text file, compressed or not, and refuses, before a record is read, what is not the text it is said to be."""

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tenure.core.errors import SourceRefused
from tenure.sources.text_stream import PACKED, Packing, TextStream, decoded, unpacked

BOM = b"\xef\xbb\xbf"
UTF_8 = "utf-8"
LONGEST_LINE = 64 << 20
"""Bytes. A longer line is no record: this bounds memory for a file that is not what it seems."""

_MARKS = {
    BOM: UTF_8,
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_BY_MARK = {"utf-16", "utf-32"}
_BINARY = {
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"PK\x03\x04": "a ZIP archive (or an Excel workbook, which is one inside)",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document",
    **{mark: f"compressed with {kind}, inside another compressed file" for mark, kind in PACKED.items()},
}
_HEAD = 4096


TextFile = BinaryIO | TextStream
"""Text in UTF-8: a file as it lies on disk, or a stream, which says itself how far back it goes."""


def open_text(path: Path, encoding: str = UTF_8) -> TextFile:
    """The text of a file in UTF-8, placed after a byte order mark; the caller closes it.

    A file compressed with gzip or zstd is unpacked while it is read. Bytes that are wrong in `encoding` are wrong in
    what is read too (see `as_utf8`). Raises `SourceRefused` when it cannot be opened, or is not text in `encoding`.
    """
    file = _opened(path)
    try:
        text = _text(file, encoding, path)
        text.seek(len(BOM) if text.read(len(BOM)) == BOM else 0)
    except OSError as error:
        file.close()
        raise unreadable(path, error) from error
    except BaseException:
        file.close()
        raise
    return text


def exact_encoding(path: Path, encoding: str) -> str:
    """The encoding of a file as it is: one that is told by a mark at its beginning, such as utf-16, as its kind."""
    name = _name_of(encoding)
    if name not in _BY_MARK:
        return name
    with _opened(path) as file:
        return _exact(_content(file, path)(_HEAD), name, path)


def read_piece(file: TextFile, position: int, size: int, path: Path) -> tuple[bytes, bool]:
    """`size` bytes from `position` on, fewer where the file ends; whether it ends there.

    A reader goes back to the last record that was cut off, which is cheaper than to carry it over.
    """
    try:
        file.seek(position)
        data = file.read(size)
    except OSError as error:
        raise unreadable(path, error) from error
    return data, len(data) < size


def unreadable(path: Path, error: OSError) -> SourceRefused:
    """The refusal of a file that the operating system does not give."""
    return SourceRefused(
        f"cannot be read: {error.strerror}",
        where=str(path),
        cure="check that it exists, that you may read it, and that the disk is sound",
    )


def too_long(path: Path, line: int) -> SourceRefused:
    """The refusal of a file in which a line goes on beyond `LONGEST_LINE`."""
    return SourceRefused(
        f"this line is longer than {LONGEST_LINE >> 20} MiB",
        where=f"{path}:{line}",
        cure="check that it is a text file with one record a line",
    )


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def _content(file: BinaryIO, path: Path) -> Callable[[int], bytes]:
    """Reads what is in a file, unpacked, from its beginning on."""
    head = file.read(max(map(len, PACKED)))
    file.seek(0)
    packed: Packing | None = next((kind for mark, kind in PACKED.items() if head.startswith(mark)), None)
    return unpacked(file, packed, path) if packed else file.read


def _text(file: BinaryIO, encoding: str, path: Path) -> TextFile:
    read = _content(file, path)
    head = read(_HEAD)
    exact = _exact(head, _name_of(encoding), path)
    if read == file.read and exact == UTF_8:
        file.seek(0)
        return file
    waiting = [head]
    whole: Callable[[int], bytes] = lambda size: waiting.pop() if waiting else read(size)  # noqa: E731
    return TextStream(whole if exact == UTF_8 else decoded(whole, exact), file)


def _name_of(encoding: str) -> str:
    name = codecs.lookup(encoding).name
    return UTF_8 if name == "utf-8-sig" else name


def _exact(head: bytes, name: str, path: Path) -> str:
    """The exact encoding of what begins with `head` and is said to be in `name`."""
    binary = next((kind for mark, kind in _BINARY.items() if head.startswith(mark)), None)
    if binary:
        raise SourceRefused(f"is {binary}, not a text file", where=str(path), cure="unpack it, or save it as text")
    marked = next((kind for mark, kind in _MARKS.items() if head.startswith(mark)), None)
    if name in _BY_MARK:
        if marked is None or not marked.startswith(name):
            raise SourceRefused(
                f"is said to be in {name}, but does not begin with its mark",
                where=str(path),
                cure=f"say which kind it is in its contract: encoding: {name}-le or {name}-be",
            )
        return marked
    seems = marked or _wide_without_mark(head)
    if seems and seems != name:
        raise SourceRefused(
            f"is in {seems}, but its contract says {name}",
            where=str(path),
            cure=f"say encoding: {seems} in its contract, or save it as {name}",
        )
    return name


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 or UTF-32 shows by its NUL bytes: of Latin text at least every other byte is one."""
    for width, name in ((4, "utf-32"), (2, "utf-16")):
        whole = len(head) - len(head) % width
        nuls = [head[byte:whole:width].count(0) for byte in range(width)]
        letters = whole // width
        wide = [count > 0.7 * letters for count in nuls]
        if letters >= 2 and sum(wide) == width - 1 and not (wide[0] and wide[-1]):
            return f"{name}-be" if wide[0] else f"{name}-le"
    return None
