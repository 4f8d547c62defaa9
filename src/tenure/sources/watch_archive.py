"""Moves a file that is done out of the folder it landed in; a newer one that came meanwhile is never moved with it.

The file is first renamed within its folder, to a hidden name. Only then is it looked at again: what has another name
cannot be replaced under our hands. If it is not the one that was loaded, it gets its name back and counts as landed.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from tenure.contracts.model import Contract
from tenure.core.durable import fsync_file, fsync_folder, replace_file, sha256_file
from tenure.sources.files import delivery_name, stamp_of
from tenure.sources.watch import Done, Seen, folders_of, is_being_written

_TAKEN = ".taken"


def put_away(done: Done) -> Path | None:
    """Move a file that is done; returns where it is, None when it is not the same file any more.

    A refused file has its reason beside it. Raises `OSError` when it cannot be moved: then it stays where it was.
    """
    done.folder.mkdir(parents=True, exist_ok=True)
    taken = done.path.with_name(f".{done.path.name}{_TAKEN}")
    try:
        done.path.rename(taken)
    except FileNotFoundError:
        return None
    try:
        if _unchanging(stamp_of(taken)) != _unchanging(done.stamp) or is_being_written(taken):
            _put_back(taken, done.path, done.folder)
            return None
        target = _move(taken, done.folder, done.path.name)
    except OSError:
        with suppress(OSError):
            _put_back(taken, done.path, done.folder)
        raise
    if done.reason is not None:
        replace_file(target.with_name(f"{target.name}.reason"), f"{done.reason}\n".encode())
    return target


def finish_moves(root: Path, contracts: Iterable[Contract], seen: Seen) -> Iterator[Path]:
    """End the moves that a killed watcher had begun: what was loaded goes on, anything else gets its name back."""
    contracts = list(contracts)
    folders = {folder for contract in contracts for folder in folders_of(root, contract)}
    for folder in sorted(folders):
        for taken in sorted(folder.glob(f".*{_TAKEN}")):
            path = taken.with_name(taken.name.removeprefix(".").removesuffix(_TAKEN))
            archive = _archive_of(taken, delivery_name(root, path), contracts, seen)
            if archive is None:
                _put_back(taken, path, folder)
            else:
                target = root / archive
                target.mkdir(parents=True, exist_ok=True)
                yield _move(taken, target, path.name)


def _archive_of(taken: Path, name: str, contracts: Iterable[Contract], seen: Seen) -> str | None:
    """Where the file belongs, if what was last loaded under its name has its bytes."""
    loads = [(one.watch.archive, seen(one.source, name)) for one in contracts if one.watch.archive]
    sha256 = sha256_file(taken)
    return next((archive for archive, load in loads if load is not None and load.sha256 == sha256), None)


def _unchanging(stamp: str) -> str:
    """The part of a stamp that a rename leaves as it is: all but the time of the last change of the name."""
    return stamp.rpartition(".")[0]


def _put_back(taken: Path, path: Path, beside: Path) -> None:
    """Give a file its name back; if a newer one has it by now, keep the older one `beside`, under a free name."""
    try:
        os.link(taken, path)
    except FileExistsError:
        _move(taken, beside, path.name)
    except OSError:  # the disk has no hard links
        if path.exists():
            _move(taken, beside, path.name)
        else:
            taken.rename(path)
    else:
        taken.unlink()


def _move(taken: Path, folder: Path, name: str) -> Path:
    """Move to a free name in a folder, which may be on another disk; durable when it returns."""
    target = _free(folder, name)
    try:
        if taken.is_symlink():  # its target may be given relative to where it lies
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        taken.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy = folder / f".{name}.copy"
        shutil.copy2(taken, copy)
        fsync_file(copy)
        copy.rename(target)
        fsync_folder(folder)
        taken.unlink()
    fsync_folder(folder)
    fsync_folder(taken.parent)
    return target


def _free(folder: Path, name: str) -> Path:
    """NAME, or with a number before its endings if that is taken: sales.csv.gz, sales.1.csv.gz."""
    stem, dot, endings = name.partition(".")
    names = (name if number == 0 else f"{stem}.{number}{dot}{endings}" for number in count())
    return next(folder / one for one in names if not (folder / one).exists())
