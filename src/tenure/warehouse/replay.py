"""Builds again what was, or could have been, built before: chosen loads, in a folder apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from tenure.core.clock import new_run_id
from tenure.core.errors import TenureError
from tenure.core.settings import Project, Settings
from tenure.engine.protocol import Engine
from tenure.raw.zone import RESTORE, RawZone
from tenure.warehouse.manifest import ReleaseManifest
from tenure.warehouse.runner import BuildRequest, BuildResult, build


@dataclass(frozen=True)
class Apart(Project):
    """A project whose releases are in a folder of their own; the raw zone and all else stay where they are."""

    releases: Path

    @property
    def warehouse(self) -> Path:
        """Releases and the pointer of the folder apart."""
        return self.releases


@dataclass(frozen=True)
class Recipe:
    """All that decides what a build gives, apart from its SQL. `loads` are ids, each with its manifest's SHA-256."""

    loads: Mapping[str, str]
    settings: Settings
    business_date: date


def recipe_of(manifest: ReleaseManifest) -> Recipe:
    """What a release was built from; raises `TenureError` when this Tenure does not know its settings."""
    try:
        settings = Settings.model_validate(manifest.settings)
    except ValidationError as error:
        name = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise TenureError(
            f"it was built with a setting that this Tenure does not know: {name}",
            cure=f"use Tenure {manifest.tenure_version}, which built it",
        ) from error
    return Recipe(manifest.loads, settings, manifest.business_date)


def replay(
    project: Project,
    zone: RawZone,
    engine: Engine,
    recipe: Recipe,
    folder: Path,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> BuildResult:
    """Build everything from a recipe with today's SQL, and publish it in `folder`.

    Raises `TenureError` when a load of the recipe is damaged, or not in the raw zone.
    """
    damaged = zone.damaged(load for load in zone.state.loads() if load.load_id in recipe.loads)
    if damaged:
        raise TenureError(damaged[0], cure=RESTORE)
    request = BuildRequest(new_run_id(), recipe.business_date, full=True, loads=recipe.loads, progress=progress)
    return build(Apart(project.root, recipe.settings, folder), zone, engine, request)
