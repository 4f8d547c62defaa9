"""Text that is not read as it lies on disk: unpacked and turned into UTF-8 piece by piece, in bounded memory."""

import codecs
import re
from collections.abc import Callable
from io import IOBase
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pyarrow as pa

from tenure.core.errors import SourceRefused

Packing = Literal["gzip", "zstd"]
PACKED: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""How a compressed file begins, and what it is compressed with."""

_READ_AT_ONCE = 1 << 20
_WRONG = "tenure-wrong-bytes"
_FIRST_WRONG = 0xDC00  # half of a pair, which no text holds alone
_WRONG_BYTES = re.compile("([\\udc00-\\udcff]+)")
_FREE_OF_LIMITS = 1 << 30
_MOST_UNPACKED = 1000
"""Bytes out of one, beyond the first GiB. Real files come to a few dozen; more is a file made to fill a disk."""


def _mark_wrong(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST_WRONG + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_WRONG, _mark_wrong)


def as_utf8(text: bytes, encoding: str) -> bytes:
    """Text of some encoding in UTF-8; a byte that is wrong in it becomes three that are wrong in UTF-8 too."""
    return text.decode(encoding, _WRONG).encode("utf-8", "surrogatepass")


def as_it_was(text: bytes, encoding: str) -> bytes:
    """The bytes that `as_utf8` or `TextStream` made this of."""
    parts = _WRONG_BYTES.split(text.decode("utf-8", "surrogatepass"))
    return b"".join(
        bytes(ord(mark) - _FIRST_WRONG for mark in part) if number % 2 else part.encode(encoding)
        for number, part in enumerate(parts)
    )


def unpacked(file: BinaryIO, kind: Packing, path: Path) -> Callable[[int], bytes]:
    """Reads the content of a compressed file; several archives in one file are one text, as for zcat.

    Raises `SourceRefused` for an archive that is broken or cut short, or that grows out of all proportion.
    """
    size = path.stat().st_size
    stream = pa.CompressedInputStream(pa.PythonFile(cast("IOBase", file), "r"), kind)
    given = 0

    def read(wanted: int) -> bytes:
        nonlocal given
        try:
            data = bytes(stream.read(wanted))
        except OSError as error:
            raise SourceRefused(
                f"is compressed with {kind}, and broken or cut short",
                where=str(path),
                cure=f"nothing was loaded; deliver it again whole (to test it: {kind} --test FILE)",
            ) from error
        given += len(data)
        if given > _FREE_OF_LIMITS + _MOST_UNPACKED * size:
            raise SourceRefused(
                f"grows to more than {given >> 20:,} MiB when it is unpacked, out of {size:,} bytes",
                where=str(path),
                cure="nothing was loaded; if that is right, unpack it and deliver what comes out",
            )
        return data

    return read


def decoded(read: Callable[[int], bytes], encoding: str) -> Callable[[int], bytes]:
    """Reads text of some encoding as UTF-8; see `as_utf8`."""
    decoder = codecs.getincrementaldecoder(encoding)(_WRONG)

    def piece(wanted: int) -> bytes:
        while True:
            data = read(wanted)
            text = decoder.decode(data, not data)
            if text or not data:
                return text.encode("utf-8", "surrogatepass")

    return piece


class TextStream:
    """A stream with the manners of a file: it can be placed anywhere ahead, and back within what was read last."""

    def __init__(self, read: Callable[[int], bytes], file: BinaryIO) -> None:
        self._pull = read
        self._file = file
        self._last = b""  # what was given last, followed by what was pulled too much
        self._start = 0
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer where the text ends; all of them without a size."""
        kept = self._last[self._at - self._start :]
        parts, have = [kept], len(kept)
        while size < 0 or have < size:
            data = self._pull(_READ_AT_ONCE)
            if not data:
                break
            parts.append(data)
            have += len(data)
        self._last = b"".join(parts) if len(parts) > 1 else kept
        self._start = self._at
        given = self._last if size < 0 or have <= size else self._last[:size]
        self._at += len(given)
        return given

    def seek(self, position: int) -> int:
        """Go to a byte of the text."""
        if position < self._start:
            raise ValueError("a stream does not go back that far")
        while position > self._start + len(self._last):
            self._start += len(self._last)
            self._at = self._start
            self._last = self._pull(_READ_AT_ONCE)
            if not self._last:
                break
        self._at = min(position, self._start + len(self._last))
        return self._at

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()

    def __enter__(self) -> "TextStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
