"""Renders templates: every text is escaped, and each page knows its project, release and assets."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tenure.core.errors import TenureError
from tenure.core.settings import Project
from tenure.serve.answers import ReleaseFacts
from tenure.serve.formats import age, day
from tenure.serve.security import STATIC_PATH
from tenure.warehouse.reports import read_report, report_names

_DASHBOARD = Path(__file__).parent / "dashboard"
STATIC = _DASHBOARD / "static"

Render = Callable[..., str]


def renderer(project: Project) -> Render:
    """A function `render(template, release, now, **page)` for pages of this project."""
    environment = Environment(
        loader=FileSystemLoader(_DASHBOARD / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    site = {
        "project_name": project.settings.project.name,
        "reports": [(name, read_report(name)[0].title) for name in report_names()],
        "asset": {
            path.relative_to(STATIC).as_posix(): _versioned(path) for path in STATIC.rglob("*") if path.is_file()
        },
    }

    def render(template: str, *, release: ReleaseFacts | None = None, now: datetime, **page: object) -> str:
        return environment.get_template(template).render(
            **site,
            release=release,
            published_age=age(now - release.published_at) if release else None,
            business_day=day(release.business_date) if release else None,
            **page,
        )

    return render


def problem_of(error: TenureError) -> dict[str, str | None]:
    """What the problem page prints of an error."""
    return {"what": error.what, "where": error.where, "cure": error.cure}


def _versioned(path: Path) -> str:
    """The address of an asset with its hash: when the file changes, browsers fetch it anew."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{STATIC_PATH}/{path.relative_to(STATIC).as_posix()}?v={digest}"
