"""Opens a text file and refuses, before a record is read, what is not UTF-8 text."""

from pathlib import Path
from typing import BinaryIO

from tenure.core.errors import SourceRefused

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 64 << 20
"""Bytes. A longer line is no record: this bounds memory for a file that is not what it seems."""

_WIDE = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_BINARY = {
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"PK\x03\x04": "a ZIP archive (or an Excel workbook, which is one inside)",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database",
}
_HEAD = 4096


def open_text(path: Path) -> BinaryIO:
    """The file, opened for reading and placed after a byte order mark; the caller closes it.

    Raises `SourceRefused` when it cannot be opened, or is not UTF-8 text.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        head = file.read(_HEAD)
        _refuse_what_is_not_utf8_text(head, path)
        file.seek(len(BOM) if head.startswith(BOM) else 0)
    except OSError as error:
        file.close()
        raise unreadable(path, error) from error
    except BaseException:
        file.close()
        raise
    return file


def read_piece(file: BinaryIO, position: int, size: int, path: Path) -> tuple[bytes, bool]:
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


def _refuse_what_is_not_utf8_text(head: bytes, path: Path) -> None:
    binary = next((name for mark, name in _BINARY.items() if head.startswith(mark)), None)
    if binary:
        raise SourceRefused(
            f"is {binary}, not a text file", where=str(path), cure="unpack it, or save it as text in UTF-8"
        )
    wide = next((name for mark, name in _WIDE.items() if head.startswith(mark)), None) or _wide_without_mark(head)
    if wide:
        raise SourceRefused(
            f"is in {wide}; only UTF-8 is read",
            where=str(path),
            cure=f"save it as UTF-8, for example: iconv -f {wide} -t UTF-8 OLD > NEW",
        )


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 or UTF-32 shows by its NUL bytes: of Latin text at least every other byte is one."""
    for width, name in ((4, "UTF-32"), (2, "UTF-16")):
        whole = len(head) - len(head) % width
        nuls = [head[byte:whole:width].count(0) for byte in range(width)]
        letters = whole // width
        wide = sum(1 for count in nuls if count > 0.7 * letters)
        if letters >= 2 and wide == width - 1:
            return name
    return None
