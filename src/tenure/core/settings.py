"""A project: the user's folder with `tenure.toml`, and the settings in it."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenure.core.errors import SettingsError, UsageError

SETTINGS_FILE = "tenure.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectSettings(_Section):
    """`[project]`: what the dashboard calls it and the currency of its money."""

    name: str = "Tenure"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class WarehouseSettings(_Section):
    """`[warehouse]`: how many releases are kept, and what the engine may use."""

    keep_releases: int = Field(default=7, ge=1)
    memory: str = Field(default="4GB", pattern=r"^[1-9][0-9]*(MB|GB)$")


class ReportSettings(_Section):
    """`[reports]`: groups smaller than `minimum_group` customers never make the headline."""

    minimum_group: int = Field(default=30, ge=1)


class ClvSettings(_Section):
    """`[clv]`: the stated formula for lifetime value (docs/reference/clv.md).

    Rates are shares a year; the margin of a customer is balance × `net_interest_margin` plus fees.
    """

    net_interest_margin: Decimal = Field(default=Decimal("0.03"), ge=0, lt=1, decimal_places=6)
    discount_rate: Decimal = Field(default=Decimal("0.10"), ge=0, lt=1, decimal_places=6)
    horizon_months: int = Field(default=36, ge=1, le=600)


class EngagementSettings(_Section):
    """`[engagement]`: every `balance_unit` of balance is worth 5 points, up to 20 (in the project's currency)."""

    balance_unit: Decimal = Field(default=Decimal(5000), gt=0, decimal_places=2)


ChurnDefinition = Literal["status", "inactivity", "balance", "contract_end"]


class ChurnSettings(_Section):
    """`[churn]`: when a customer counts as churned (docs/explanation/churn-definitions.md).

    The other settings belong to one definition each: `inactive_days` to inactivity, `balance_below` (in the
    project's currency) and `balance_months` to balance.
    """

    definition: ChurnDefinition = "status"
    inactive_days: int = Field(default=90, ge=1, le=3650)
    balance_below: Decimal = Field(default=Decimal(0), gt=-(10**15), lt=10**15, decimal_places=2)
    balance_months: int = Field(default=3, ge=1, le=120)


class Settings(_Section):
    """Everything `tenure.toml` may say."""

    project: ProjectSettings = ProjectSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    reports: ReportSettings = ReportSettings()
    clv: ClvSettings = ClvSettings()
    engagement: EngagementSettings = EngagementSettings()
    churn: ChurnSettings = ChurnSettings()


@dataclass(frozen=True)
class Project:
    """Where a project keeps what."""

    root: Path
    settings: Settings

    @property
    def sources(self) -> Path:
        """The contracts, one yml a source."""
        return self.root / "sources"

    @property
    def state(self) -> Path:
        """Everything Tenure writes."""
        return self.root / ".tenure"

    @property
    def raw(self) -> Path:
        """The raw zone: one folder a source, one folder in it a load."""
        return self.state / "raw"

    @property
    def warehouse(self) -> Path:
        """Releases and the pointer to the current one."""
        return self.state / "warehouse"

    @property
    def scratch(self) -> Path:
        """Where engines spill; safe to delete when no command runs."""
        return self.state / "scratch"


def open_project(root: Path) -> Project:
    """The project in `root`; raises `SettingsError` naming the setting that is wrong."""
    path = root / SETTINGS_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise UsageError(
            f"{root} is not a Tenure project: it has no {SETTINGS_FILE}",
            cure="make one with: tenure init DIR --template bank",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"not valid TOML: {error}", where=str(path), cure="mend the line and run again") from error
    try:
        return Project(root.resolve(), Settings.model_validate(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise SettingsError(
            f"{place}: {first['msg']}", where=str(path), cure="docs/reference/settings.md lists every setting"
        ) from error


def find_project(start: Path) -> Project:
    """The project of the nearest folder upwards from `start` that has a `tenure.toml`."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / SETTINGS_FILE).is_file():
            return open_project(folder)
    raise UsageError(
        f"no {SETTINGS_FILE} in {start.resolve()} or any folder above it",
        cure="go into a project, name one with --project DIR, or make one with: tenure init DIR --template bank",
    )
