"""Writes that survive a crash: a temporary name, fsync, rename, fsync of the folder."""

import hashlib
import os
from pathlib import Path


def fsync_file(path: Path) -> None:
    """Force a file's bytes to disk."""
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def fsync_folder(path: Path) -> None:
    """Force a folder's entries (creations, renames) to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace a file atomically: a reader sees the old bytes or the new ones, never a mixture.

    `mode` says who may use it, as far as the user's mask allows.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    fsync_folder(path.parent)


def fsync_tree(folder: Path) -> None:
    """Force every file and folder below `folder`, and itself, to disk.

    A file with another name elsewhere was forced there when it was published under that name.
    """
    for parent, _, files in os.walk(folder):
        for name in files:
            path = Path(parent) / name
            if path.stat().st_nlink == 1:
                fsync_file(path)
        fsync_folder(Path(parent))


def publish_folder(temporary: Path, final: Path) -> None:
    """Give a folder, already forced to disk, its final name, and make the name durable."""
    temporary.rename(final)
    fsync_folder(final.parent)


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
