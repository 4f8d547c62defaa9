"""What is expected of a project's model; each rule raises `BuildError` with file, line where there is one, and cure."""

import re
from collections.abc import Collection, Sequence

from tenure.contracts.entities import ENTITIES
from tenure.core.errors import BuildError
from tenure.core.wording import alike
from tenure.engine.dialect import parse
from tenure.engine.protocol import Column
from tenure.engine.subset import TYPES
from tenure.warehouse.checks import checks_of
from tenure.warehouse.graph import own_names
from tenure.warehouse.inputs import INPUTS
from tenure.warehouse.models import Model, ModelDescription
from tenure.warehouse.project_files import ModelFile
from tenure.warehouse.sketch import COLUMN_NAME, Sketch, column_line

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED = ("raw_", "stg_", "added_", "removed_", "changes_")
_TYPE = re.compile(r"id|STRING|BIGINT|INTEGER|DECIMAL\([1-9][0-9]?,[0-9]{1,2}\)|DOUBLE|BOOLEAN|DATE|TIMESTAMP")


def expect_free_names(found: Sequence[ModelFile], own: Sequence[Model], words: Collection[str]) -> None:
    """A model's name is a plain word that nothing else has; `words` are those of SQL."""
    taken = dict.fromkeys(words, "a word of SQL") | dict.fromkeys(INPUTS, "an input of all models")
    taken |= {model.name: f"Tenure's own model {model.where}" for model in own}
    for file in found:
        if not _NAME.fullmatch(file.name) or "__" in file.name:
            cure = "small letters, digits and single _, a letter first, at most 63: for instance branch_month.sql"
            raise BuildError(f"'{file.name}' is not a name for a table", where=file.where, cure=cure)
        if file.name in taken:
            cure = "give the file, and the yml beside it, another name"
            raise BuildError(f"the name {file.name} is taken: it is {taken[file.name]}", where=file.where, cure=cure)
        if file.name.startswith(_RESERVED):
            cure = f"names that begin with {', '.join(_RESERVED)} are Tenure's own; choose another"
            raise BuildError(f"the name {file.name} is reserved", where=file.where, cure=cure)
        taken[file.name] = f"the model {file.where}"


def expect_types(file: ModelFile, description: ModelDescription) -> None:
    """Columns have plain names, and types of the common names."""
    for name, entry in description.columns.items():
        where = file.yml_place("columns", name)
        if not COLUMN_NAME.fullmatch(name):
            cure = "small letters, digits and _, and the same after AS in the SQL"
            raise BuildError(f"'{name}' is not a name for a column", where=where, cure=cure)
        if not _TYPE.fullmatch(entry.type):
            cure = f"use id, {', '.join(TYPES)} (no space inside, small numbers written out)"
            raise BuildError(f"column {name}: {entry.type} is not a type", where=where, cure=cure)


def expect_attributes(file: ModelFile, description: ModelDescription) -> None:
    """`attributes` in the yml and the placeholder in the SQL belong together."""
    entity, used = description.attributes, re.search(r"\{\{ *attributes *\}\}", file.sql)
    if entity is not None and entity not in ENTITIES:
        cure = f"{alike(entity, ENTITIES)}the entities are {', '.join(ENTITIES)}"
        raise BuildError(f"attributes: there is no entity {entity}", where=file.yml_place("attributes"), cure=cure)
    if used and entity is None:
        line = file.sql.count("\n", 0, used.start()) + 1
        cure = f"say so in {file.yml_where}, for instance: attributes: customers"
        raise BuildError("whose attributes are meant is not said", where=f"{file.where}:{line}", cure=cure)
    if entity is not None and not used:
        cure = f"write {{{{ attributes }}}} after the last column in {file.where}, or take the word out of the yml"
        raise BuildError("attributes are promised, the SQL has none", where=file.yml_place("attributes"), cure=cure)


def expect_own_names(model: Model, tables: Collection[str]) -> None:
    """A WITH that hides a table would hide from the graph that the table is read."""
    hidden = sorted(own_names(parse(model.sql, model.where)) & set(tables))
    if hidden:
        cure = "give that part of the query another name"
        raise BuildError(f"WITH {hidden[0]} hides the table of that name", where=model.where, cure=cure)


def expect_columns(file: ModelFile, model: Model, found: Sequence[Column]) -> None:
    """The columns of the SQL and of the yml are the same; otherwise says the lines to write."""
    given = {column.name: column for column in found}
    described = {column.name: column for column in model.columns}
    entries = model.description.columns
    lost = sorted(described.keys() - given.keys())
    changed = [column for name, column in given.items() if described.get(name, column) != column]
    missing = [column for name, column in given.items() if name not in described]
    problems = [f"{name} is {'in the yml' if name in entries else 'an attribute'}, not in the SQL" for name in lost]
    problems += [f"{column.name} is {column.type}, its yml says {described[column.name].type}" for column in changed]
    problems += [f"{column.name} {column.type} is in the SQL, not in the yml" for column in missing]
    if not problems:
        return
    lines = "\n".join(column_line(column, entries.get(column.name)) for column in (*changed, *missing))
    cure = f"under columns of {file.yml_where} write:\n{lines}" if lines else "take it out of the yml"
    first = [*lost, *(column.name for column in changed)][:1]
    where = file.yml_place("columns", *first) if first else file.where
    raise BuildError("; ".join(problems), where=where, cure=cure)


def expect_personal(file: ModelFile, model: Model, above: Sequence[Model]) -> None:
    """A column that is personal data where it comes from is so here too: messages and exports leave it out."""
    for table in above:
        for name, entry in model.description.columns.items():
            origin = table.description.columns.get(name)
            if origin and origin.personal and not entry.personal:
                raise BuildError(
                    f"{name} is personal data in {table.name}, its yml does not say so",
                    where=file.yml_place("columns", name),
                    cure=f"add personal: {origin.personal}",
                )


def expect_followed(file: ModelFile, model: Model, reads: Collection[str], sketch: Sketch) -> None:
    """What a model follows is a table that it reads, by a column of the same type in both."""
    own = {column.name: column.type for column in model.columns}
    for word, followed in (("follows", model.description.follows), ("onwards", model.description.onwards)):
        for table, name in followed.items():
            where = file.yml_place(word, table)
            if table not in reads:
                cure = f"{alike(table, reads)}the SQL reads {', '.join(sorted(reads)) or 'no table'}"
                raise BuildError(f"{word} {table}, which its SQL does not read", where=where, cure=cure)
            theirs = {column.name: column.type for column in sketch.engine.columns(table)}
            if name not in theirs:
                cure = f"{alike(name, theirs)}name a column of {table}"
                raise BuildError(f"{word} {table} by {name}, which it does not have", where=where, cure=cure)
            if word == "follows" and theirs[name] != own[name]:
                what = f"follows {table} by {name}, which is {theirs[name]} there and {own[name]} here"
                raise BuildError(what, where=where, cure="follow by a column that is passed on as it is")


def expect_tests(file: ModelFile, model: Model, tables: Collection[str]) -> set[str]:
    """The tests of the yml name columns and tables that exist; returns the tables that they read."""
    try:
        checks = checks_of(model)
    except BuildError as error:
        raise BuildError(error.what, where=file.yml_place("tests"), cure=error.cure) from error
    for check in checks:
        unknown = sorted(check.reads - set(tables))
        if unknown:
            what = f"the test '{check.name}' reads {unknown[0]}, which is neither a model nor an input"
            raise BuildError(what, where=file.yml_place("tests"), cure=f"{alike(unknown[0], tables)}correct the test")
    return {name for check in checks for name in check.reads}


def expect_runnable_tests(file: ModelFile, model: Model, sketch: Sketch) -> None:
    """The engine accepts the SQL of every test."""
    for check in checks_of(model):
        try:
            sketch.engine.query(f"SELECT COUNT(*) AS n FROM ({check.sql}) AS broken")
        except BuildError as error:
            what = f"the test '{check.name}': {error.what}"
            raise BuildError(what, where=file.yml_place("tests"), cure="correct the test") from error
