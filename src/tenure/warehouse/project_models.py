"""Reads the models of a project: `models/NAME.sql` and the yml beside each, in folders of any depth."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse
from tenure.engine.protocol import Column
from tenure.warehouse.graph import bare, expect_known, ordered, references, tables_of
from tenure.warehouse.inputs import input_names
from tenure.warehouse.models import Model, ModelDescription, ProjectTypes, fill, parse_yml, read_models, typed_columns
from tenure.warehouse.project_files import ModelFile, read_files
from tenure.warehouse.project_rules import (
    expect_attributes,
    expect_columns,
    expect_followed,
    expect_free_names,
    expect_own_names,
    expect_personal,
    expect_runnable_tests,
    expect_tests,
    expect_types,
)
from tenure.warehouse.sketch import Sketch, empty_inputs, skeleton

LAYER = "project"
_TEMPLATE = re.compile(r"\{[{%].*?(?:[%}]\}|$)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{ *(?:attributes|type +[a-z_]+) *\}\}")


def read_project_models(root: Path, types: ProjectTypes) -> list[Model]:
    """The models of the project in `root`, by name; none when it has no folder `models`.

    Each is held against Tenure's own models, and its SQL and tests are run over empty tables, so that what is
    wrong is found before anything is computed. Raises `BuildError` naming file, line where there is one, and cure.
    """
    found = read_files(root)
    if not found:
        return []
    own, inputs = read_models(types), input_names(types)
    with empty_inputs(types) as sketch:
        expect_free_names(found, own, sketch.words())
        described = [(file, _model(file, types)) for file in found if file.yml]
        models = [model for _, model in described]
        known = {model.name: model for model in (*own, *models)}
        undescribed = [file for file in found if not file.yml]
        if undescribed:
            raise _without_yml(undescribed, known, types, sketch)
        reads = {model.name: references(model) for model in models}
        ordered(models, reads, {*inputs, *(model.name for model in own)})
        tests = {model.name: expect_tests(file, model, {*known, *inputs}) for file, model in described}
        wanted = {name for names in (*reads.values(), *tests.values(), reads) for name in names}
        _add_tables(sketch, known, wanted)
        for file, model in described:
            expect_own_names(model, {*known, *inputs})
            expect_columns(file, model, sketch.columns(model.sql, model.where))
            expect_personal(file, model, [known[name] for name in sorted(reads[model.name] & known.keys())])
            expect_followed(file, model, reads[model.name], sketch)
            expect_runnable_tests(file, model, sketch)
    return models


def _model(file: ModelFile, types: ProjectTypes) -> Model:
    description = _description(file)
    expect_types(file, description)
    expect_attributes(file, description)
    attributes = types.attributes.get(description.attributes or "", ())
    sql = _filled(file, attributes, types)
    return Model(file.name, LAYER, file.where, sql, description, (*typed_columns(description, types), *attributes))


def _description(file: ModelFile) -> ModelDescription:
    try:
        return parse_yml(ModelDescription, file.yml, file.yml_where)
    except BuildError as error:
        if error.where != file.yml_where:
            raise
        path = error.what.partition(": ")[0].split(".")
        raise BuildError(error.what.removeprefix(": "), where=file.yml_place(*path), cure=error.cure) from error


def _filled(file: ModelFile, attributes: tuple[Column, ...], types: ProjectTypes) -> str:
    """The SQL up to its last word, placeholders filled."""
    for found in _TEMPLATE.finditer(file.sql):
        if not _PLACEHOLDER.fullmatch(found[0]):
            line = file.sql.count("\n", 0, found.start()) + 1
            cure = "write the table's plain name (FROM dim_customer); only attributes and type COLUMN are filled in"
            what = f"{found[0][:40]} is a template that Tenure does not have"
            raise BuildError(what, where=f"{file.where}:{line}", cure=cure)
    return bare(fill(file.sql, attributes, types, file.where), file.where)


def _without_yml(
    files: Sequence[ModelFile], known: dict[str, Model], types: ProjectTypes, sketch: Sketch
) -> BuildError:
    """What to say of models without a yml: one to paste, with the columns that the engine finds."""
    texts = {file.name: _filled(file, (), types) for file in files}
    trees = {file.name: parse(texts[file.name], file.where) for file in files}
    for file in files:
        expect_known(trees[file.name], {*input_names(types), *known, *texts}, file.where)
    # One that reads another without a yml has to wait: its columns are not known yet.
    ready = (file for file in files if not tables_of(trees[file.name]) & texts.keys())
    file = next(ready, files[0])
    tree, reads = trees[file.name], tables_of(trees[file.name])
    if reads & texts.keys():
        columns = tuple(Column(name, "STRING") for name in tree.named_selects)
    else:
        _add_tables(sketch, known, reads)
        columns = sketch.columns(texts[file.name], file.where)
    text = skeleton(tree, columns, known)
    return BuildError("has no yml beside it", where=file.where, cure=f"describe the table in {file.yml_where}:\n{text}")


def _add_tables(sketch: Sketch, known: dict[str, Model], wanted: Collection[str]) -> None:
    for name in sorted(known.keys() & set(wanted)):
        sketch.add(name, known[name].columns)
