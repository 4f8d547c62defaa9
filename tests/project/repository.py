"""The repository as these tests see it: its files, as git would take them."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "tenure"
_NOT_OURS = {".git", ".venv", "build", "dist", "__pycache__", ".tenure", "tenure-demo"}


@cache
def files() -> tuple[Path, ...]:
    """Files that are tracked or would be, as paths relative to the root; in a downloaded archive, without git, all."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        names = sorted({Path(name) for name in listed.split("\0") if name})
        return tuple(name for name in names if (ROOT / name).is_file())
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(path for path in found if not _ignored(path)))


def _ignored(path: Path) -> bool:
    caches = any(part.endswith("_cache") or part == ".hypothesis" for part in path.parts)
    return caches or bool(_NOT_OURS.intersection(path.parts))


def files_under(*folders: str, suffix: str = "") -> list[Path]:
    """Those under one of the folders and with that ending."""
    return [path for path in files() if path.parts[0] in folders and path.name.endswith(suffix)]


def text(path: Path | str) -> str:
    """The content of a file, by its path relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8")
