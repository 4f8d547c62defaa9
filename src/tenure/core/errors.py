"""Errors that tell a person what is wrong, where, and how to cure it."""


class TenureError(Exception):
    """An expected failure: the command ends with exit code 1 and prints no traceback.

    `where` is a place a person can open (file:line, table.column); `cure` is one sentence that
    says what to do next. Neither may hold a secret or personal data.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, cure: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cure = cure

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f"\n  cure: {self.cure}" if self.cure else ""
        return f"{place}{self.what}{cure}"


class UsageError(TenureError):
    """The command was called in a way that cannot work: exit code 2."""

    exit_code = 2


class SettingsError(TenureError):
    """`tenure.toml` or a contract cannot be understood."""


class SourceRefused(TenureError):
    """A delivery that cannot be loaded at all; nothing of it was taken."""


class BuildError(TenureError):
    """The warehouse could not be built; the release in force is unchanged."""


class CheckFailed(BuildError):
    """A declared check found rows that break it; nothing was published."""


class DamagedRelease(TenureError):
    """A stored part is missing or its bytes are not the ones that were published."""


class Busy(TenureError):
    """Another process is writing to this project."""
