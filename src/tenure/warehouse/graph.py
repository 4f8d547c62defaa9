"""The order of the models, found in the SQL itself."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from sqlglot import exp

from tenure.core.errors import BuildError
from tenure.engine.dialect import parse
from tenure.warehouse.models import Model


def tables_of(tree: exp.Expr) -> set[str]:
    """Tables that a query reads, those it defines itself (WITH) left out."""
    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table) if table.name} - own


def references(model: Model) -> set[str]:
    """Tables that a model reads; its SQL is held to the common subset on the way."""
    return tables_of(parse(model.sql, model.where))


def ordered(models: Collection[Model], reads: Mapping[str, set[str]], inputs: Collection[str]) -> list[Model]:
    """The models in an order in which each comes after all it reads.

    Raises `BuildError` naming an unknown table (and who reads it) or the models of a cycle.
    """
    by_name = {model.name: model for model in models}
    for model in models:
        unknown = sorted(reads[model.name] - by_name.keys() - set(inputs))
        if unknown:
            raise BuildError(
                f"reads {unknown[0]}, which is neither a model nor an input",
                where=model.where,
                cure=f"models read other models and {', '.join(sorted(inputs))}; check the spelling",
            )
    sorter = TopologicalSorter({name: sorted(reads[name] & by_name.keys()) for name in sorted(by_name)})
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        circle: list[str] = error.args[1]
        raise BuildError(
            f"models read each other in a circle: {' → '.join(reversed(circle))}",
            where=by_name[circle[0]].where,
            cure="take one of these references out",
        ) from error
