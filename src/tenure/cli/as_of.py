"""The option --as-of: what was known at an earlier time."""

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.output import print_json, progress, say
from tenure.core.errors import UsageError

if TYPE_CHECKING:
    from tenure.core.settings import Project
    from tenure.warehouse.releases import OpenRelease

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="What was known then: a date (at its end) or a timestamp, UTC [default: now]."
    ),
]


def instant(text: str) -> datetime:
    """The UTC time of an --as-of option; a date means its last moment."""
    try:
        return datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        pass  # then it is a timestamp, or nothing of the kind
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        cure = "write a date, 2025-10-02, or a timestamp, 2025-10-02T18:30:00 (UTC)"
        raise UsageError(f"--as-of {text} is not a time", cure=cure) from None
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when


def chosen_release(project: "Project", release: str | None, as_of: str | None) -> "OpenRelease":
    """The release that --release (by name or number) or --as-of asks for, by default the one in force.

    Close it after use.
    """
    if release and as_of:
        raise UsageError("--release and --as-of exclude each other", cure="name one of them")
    if as_of:
        from tenure.pipeline import release_as_of

        return release_as_of(project, instant(as_of))
    from tenure.warehouse.releases import open_release
    from tenure.warehouse.store import ReleaseStore

    return open_release(project, ReleaseStore(project.warehouse).named(release) if release else None)


def build_as_of(project: "Project", as_of: str, business_date: date | None, json: bool) -> None:
    """Build what was known then, and say what it is."""
    from tenure.pipeline import release_as_of

    with (
        progress(json) as listener,
        release_as_of(project, instant(as_of), business_date, listener) as release,
    ):
        loads, day = len(release.manifest.loads), release.business_date
    if json:
        print_json({"release": release.id, "as_of": instant(as_of), "business_date": day, "loads": loads})
        return
    say(f"as of {instant(as_of):%Y-%m-%d %H:%M:%S} UTC: {loads} loads, business date {day} (release {release.id})")
    if business_date:
        say("other commands' --as-of takes the business date of the newest load; the tables of this state are plain")
        say(f"Parquet in the folder of that name under {project.warehouse}; the release in force is unchanged")
    else:
        say(f"read it with: tenure report NAME --as-of {as_of}; the release in force is unchanged")
