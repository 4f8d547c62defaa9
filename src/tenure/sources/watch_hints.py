"""Hints from the system that something happened in a folder, so that the next look comes sooner.

They are never relied on: a network disk sends none, and a full queue loses some. Who waits here looks again after
the time it gave, hint or not. What only they can tell is that a file was renamed into place, which means that its
writer has finished it.
"""

import contextlib
import ctypes
import os
import select
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Self

_CLOSE_WRITE, _MOVED_TO, _CREATE = 0x8, 0x80, 0x100
_ONLY_FOLDERS, _IGNORED = 0x01000000, 0x8000
_EVENT = struct.Struct("iIII")


class FolderHints:
    """Waits for changes in folders by Linux's inotify; elsewhere, it just waits."""

    def __init__(self, wake: int | None = None) -> None:
        """`wake`: a descriptor that ends the waiting when it can be read."""
        self._wake = wake
        self._system = _system()
        self._queue = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC) if self._system else -1
        self._folders: dict[int, Path] = {}

    def listen(self, folders: Iterable[Path]) -> None:
        """Listen in these folders as well; one that cannot be listened in is left to looking."""
        if self._system is None or self._queue < 0:
            return
        for folder in set(folders) - set(self._folders.values()):
            mask = _CLOSE_WRITE | _MOVED_TO | _CREATE | _ONLY_FOLDERS
            number = self._system.inotify_add_watch(self._queue, os.fsencode(folder), mask)
            if number >= 0:
                self._folders[number] = folder

    def wait(self, seconds: float) -> set[Path]:
        """Return after so many seconds or at the first hint; gives the files that were renamed into place."""
        waited_for = [number for number in (self._wake, self._queue) if number is not None and number >= 0]
        select.select(waited_for, [], [], max(0.0, seconds))
        if self._wake in waited_for:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake or 0, 4096)
        return self._renamed() if self._queue >= 0 else set()

    def _renamed(self) -> set[Path]:
        renamed: set[Path] = set()
        while True:
            try:
                events = os.read(self._queue, 65_536)
            except BlockingIOError:
                return renamed
            place = 0
            while place < len(events):
                number, mask, _, length = _EVENT.unpack_from(events, place)
                name = events[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
                place += _EVENT.size + length
                if mask & _IGNORED:  # the folder is gone, and its number may be given to another
                    self._folders.pop(number, None)
                elif mask & _MOVED_TO and number in self._folders:
                    renamed.add(self._folders[number] / os.fsdecode(name))

    def close(self) -> None:
        """Listen no more."""
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _system() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        library.inotify_init1.argtypes = [ctypes.c_int]
        library.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
    except (OSError, AttributeError):
        return None
    return library
