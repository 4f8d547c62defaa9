"""Writes docs/reference from what the code says: commands, settings, contracts, models, tables and reports.

Usage: python tools/reference.py [--check]
With --check nothing is written; the exit code is 1 when a page is not what the code says now.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tenure.cli.main import app
from tenure.contracts.columns import ColumnContract
from tenure.contracts.entities import ENTITIES
from tenure.contracts.file_format import WatchedFiles
from tenure.contracts.model import Contract, Effective
from tenure.contracts.server_reading import ServerTrust, Watermark
from tenure.core.settings import Settings
from tenure.metrics.catalogue import Metric, built_in
from tenure.metrics.model import MetricDescription, TableDescription
from tenure.warehouse.models import ModelColumn, ModelDescription, ModelTest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
SQL = ROOT / "src" / "tenure" / "warehouse" / "sql"
LAYERS = {
    "marts": "The star schema, which reports, dashboard and SQL read.",
    "intermediate": "Steps between staging and marts; not meant for reports.",
    "staging": "Each entity, typed and cleaned, the newest record of each key.",
}
MEANINGS: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    Path(__file__).with_name("reference_meanings.yml").read_text(encoding="utf-8")
)
_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    Decimal: "number",
    str: "text",
    ColumnContract: "column",
    Effective: "see `effective`",
    WatchedFiles: "see `watch`",
    Watermark: "see `watermark`",
    ServerTrust: "see `tls`",
    ModelColumn: "column",
    ModelTest: "test",
}
_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "at least", "max_length": "at most"}


def render() -> dict[str, str]:
    """Every generated page: file name → text."""
    pages = {
        "cli.md": _cli(),
        "settings.md": _settings(),
        "contracts.md": _contracts(),
        "models.md": _models(),
        "tables.md": _tables(),
        "reports.md": _reports(),
        "metrics.md": _metrics(),
    }
    return {name: "\n".join(lines).rstrip("\n") + "\n" for name, lines in pages.items()}


# --- commands


def _cli() -> Iterator[str]:
    yield from _head("Command line", "Every command and its options, as `tenure COMMAND --help` prints them.")
    root: Any = typer.main.get_command(app)
    yield from _command(root, "tenure")
    for rare in (False, True):
        if rare:
            yield "## Rarer verbs"
            yield ""
            yield "Left out of `tenure --help`; `tenure help --all` lists them."
            yield ""
        for name, command in root.commands.items():
            if command.hidden == rare:
                yield from _command(command, f"tenure {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    yield f"## `{path}`"
    yield ""
    yield from _help(command.help)
    shown = [entry for entry in command.params if not entry.hidden]
    if shown:
        rows = ((_parameter(entry), entry.help or "", _default(entry)) for entry in shown)
        yield from _table(("Argument or option", "Meaning", "Default"), rows)
    if path != "tenure":
        for name, child in getattr(command, "commands", {}).items():
            yield from _command(child, f"{path} {name}")


def _help(text: str | None) -> Iterator[str]:
    """A command's help: paragraphs as they are, examples as code."""
    for paragraph in inspect.cleandoc(text or "").replace("\b", "").split("\n\n"):
        lines = paragraph.strip("\n").splitlines()
        if lines and all(line.lstrip().startswith("tenure ") for line in lines):
            yield from ("```", *(line.strip() for line in lines), "```", "")
        else:
            yield from (*(line.rstrip() for line in lines), "")


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        word = parameter.metavar or parameter.name.upper()
        return f"`{word}`" if parameter.required or word.startswith("[") else f"`[{word}]`"
    return ", ".join(f"`{word}`" for word in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value in (None, False, (), []) or callable(value) else f"`{getattr(value, 'value', value)}`"


# --- settings and contracts


def _settings() -> Iterator[str]:
    yield from _head("Settings", "What `tenure.toml` may say. Every setting has a default; an unknown one is an error.")
    for section, field in Settings.model_fields.items():
        yield f"## `[{section}]`"
        yield ""
        yield from _fields(_bare(field.annotation))


def _contracts() -> Iterator[str]:
    yield from _head(
        "Contracts",
        "What a source promises: one file `sources/NAME.yml` for each source. An unknown word is an error that names"
        " its line; a record that breaks the contract goes to quarantine.",
    )
    parts = (
        ("A source", Contract),
        ("A column", ColumnContract),
        ("`effective`", Effective),
        ("`watch`", WatchedFiles),
        ("`watermark`", Watermark),
        ("`tls`", ServerTrust),
    )
    for title, model in parts:
        yield f"## {title}"
        yield ""
        yield from _fields(model)
    yield "## Entities"
    yield ""
    yield "The canonical tables that a source may feed. Columns in bold are required; others come along as attributes."
    yield ""
    for entity in ENTITIES.values():
        yield f"### `{entity.name}`"
        yield ""
        dated = f" Dated by `{entity.dated_by}`." if entity.dated_by else ""
        keys = ", ".join(f"`{key}`" for key in entity.keys)
        yield f"One record is {entity.grain}. Key: {keys}.{dated}"
        yield ""
        rows = (
            (f"**`{column.name}`**" if column.required else f"`{column.name}`", _entity_type(column.type))
            for column in entity.columns
        )
        yield from _table(("Column", "Type"), rows)


def _entity_type(name: str) -> str:
    return "integer or string, the same in all contracts" if name == "id" else name


def _models() -> Iterator[str]:
    yield from _head(
        "Models", "What the yml beside a SQL model says. A model without one, or with a word missing, fails."
    )
    for title, model in (("A model", ModelDescription), ("A column", ModelColumn), ("A test", ModelTest)):
        yield f"## {title}"
        yield ""
        yield from _fields(model)


def _fields(model: type[BaseModel]) -> Iterator[str]:
    yield re.sub(r"^`\[\w+\]`: ", "", " ".join((model.__doc__ or "").split()))
    yield ""
    rows = (
        (f"`{field.alias or name}`", _type(field), _field_default(field), _meaning(model, name, field))
        for name, field in model.model_fields.items()
    )
    yield from _table(("Name", "Type", "Default", "Meaning"), rows)


def _meaning(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    meaning = field.description or MEANINGS.get(model.__name__, {}).get(name)
    if not meaning:
        raise SystemExit(
            f"{model.__name__}.{name} has no meaning to print\n"
            "  cure: give its Field a description, or add it to tools/reference_meanings.yml"
        )
    return meaning


def _field_default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "" if field.default_factory else "required"
    value = field.default
    if value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(field: FieldInfo) -> str:
    limits = [text for rule in field.metadata for text in _limits(rule)]
    return ", ".join([_type_name(field.annotation), *limits])


def _limits(rule: Any) -> Iterator[str]:
    for name, sign in _LIMITS.items():
        value = getattr(rule, name, None)
        if value is not None:
            yield f"{sign} {value}"
    if pattern := getattr(rule, "pattern", None):
        yield f"fits `{pattern}`"


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(_type_name(argument) for argument in arguments if argument is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin is tuple:
        many = len(arguments) == 2 and arguments[1] is Ellipsis
        return (
            f"list of {_type_name(arguments[0])}" if many else f"list of {len(arguments)}: {_type_name(arguments[0])}"
        )
    if origin is dict:
        return f"mapping of name to {_type_name(arguments[1])}"
    return _NAMES[annotation]


def _bare(annotation: Any) -> type[BaseModel]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise SystemExit(f"a section of Settings is a model, not {annotation}")
    return annotation


# --- tables and reports


def _tables() -> Iterator[str]:
    yield from _head("Tables", "Every table of a release: what a row is, its key, and what each column means.")
    yield "Type `id` is the type that the contracts give this natural key: BIGINT or STRING."
    yield ""
    for layer, meaning in LAYERS.items():
        yield f"## {layer.capitalize()}"
        yield ""
        yield meaning
        yield ""
        for path in sorted((SQL / layer).glob("*.yml")):
            entry = _yml(path)
            yield f"### `{path.stem}`"
            yield ""
            yield " ".join(str(entry["description"]).split())
            yield ""
            key = ", ".join(f"`{column}`" for column in entry["key"])
            yield f"Grain: {entry['grain']}. Key: {key}. Kind: {entry['kind']}."
            yield ""
            rows = (
                (f"`{name}`", column["type"], column.get("unit", ""), _described(column))
                for name, column in entry["columns"].items()
            )
            yield from _table(("Column", "Type", "Unit", "Meaning"), rows)


def _described(column: Mapping[str, Any]) -> str:
    personal = column.get("personal")
    return column["description"] + (f" (personal data: {personal})" if personal else "")


def _reports() -> Iterator[str]:
    yield from _head(
        "Reports",
        "Every named analysis. `tenure report NAME` prints its rows and ends in one sentence that states the finding.",
    )
    for path in sorted((SQL / "reports").glob("*.yml")):
        entry = _yml(path)
        yield f"## `{path.stem}`: {entry['title']}"
        yield ""
        yield " ".join(str(entry["description"]).split())
        yield ""
        filters = ", ".join(f"`{name}`" for name in entry.get("filters", ()))
        yield f"`--where` may name {filters}." if filters else "It takes no filter."
        yield ""
        rows = ((f"`{name}`", column.get("unit", ""), _described(column)) for name, column in entry["columns"].items())
        yield from _table(("Column", "Unit", "Meaning"), rows)


def _metrics() -> Iterator[str]:
    yield from _head(
        "Metrics",
        "Every number that has a name. `tenure metric NAME --by DIMENSION,…` prints it; how to add your own:"
        " [define a metric](../how-to/metrics.md).",
    )
    catalogue = built_in()
    rows = (
        (f"`{metric.name}`", metric.description.unit, metric.description.good, metric.description.description)
        for metric in catalogue.metrics.values()
    )
    yield from _table(("Metric", "Unit", "Good is", "Meaning"), rows)
    yield "## How each is reckoned"
    yield ""
    rows = (
        (
            f"`{metric.name}`",
            _reckoned(metric),
            ", ".join(f"`{name}`" for name in catalogue.dimensions(metric)),
            catalogue.adds_up(metric),
        )
        for metric in catalogue.metrics.values()
    )
    yield from _table(("Metric", "Definition", "Dimensions", "Groups add up"), rows)
    for title, model in (("A metric's words", MetricDescription), ("A table's words", TableDescription)):
        yield f"## {title}"
        yield ""
        yield from _fields(model)


def _reckoned(metric: Metric) -> str:
    about = metric.description
    if about.aggregator == "ratio":
        return f"`{about.numerator}` ÷ `{about.denominator}`"
    weight = f" × `{about.weight}`" if about.weight else ""
    what = f"`{about.column}`{weight}" if about.column else "rows"
    quantile = f" {about.quantile}" if about.quantile else ""
    where = f" where {' and '.join(about.filter)}" if about.filter else ""
    return f"{about.aggregator}{quantile} of {what} of `{about.table}`{where}"


def _yml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# --- Markdown


def _head(title: str, lead: str) -> Iterator[str]:
    yield f"# {title}"
    yield ""
    yield "<!-- Written by `make docs`; changes by hand are lost. -->"
    yield ""
    yield lead
    yield ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(' '.join(str(cell).split()).replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def main(arguments: Sequence[str]) -> int:
    """Write the pages that differ, or with --check only name them."""
    check = "--check" in arguments
    stale = 0
    for name, text in render().items():
        path = PAGES / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)}: {'is not what the code says now' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print("  cure: make docs")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
