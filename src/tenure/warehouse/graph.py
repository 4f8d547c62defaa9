"""The order of the models, found in the SQL itself."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter

import sqlglot
from sqlglot import exp
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from tenure.core.errors import BuildError, UsageError
from tenure.core.wording import alike
from tenure.engine.dialect import parse
from tenure.warehouse.models import Model


def tables_of(tree: exp.Expr) -> set[str]:
    """Tables that a query reads, those it defines itself (WITH) left out."""
    return {table.name for table in tree.find_all(exp.Table) if table.name} - own_names(tree)


def own_names(tree: exp.Expr) -> set[str]:
    """Names that a query gives to its own parts by WITH."""
    return {cte.alias_or_name for cte in tree.find_all(exp.CTE)}


def references(model: Model) -> set[str]:
    """Tables that a model reads; its SQL is held to the common subset on the way."""
    return set(_read(model.sql, model.where)[0])


def words_of(model: Model) -> frozenset[str] | None:
    """All names in a model's SQL, those of the columns it reads among them; None where a * stands for some."""
    return _read(model.sql, model.where)[1]


@cache
def _read(sql: str, where: str) -> tuple[frozenset[str], frozenset[str] | None]:
    tree = parse(sql, where)
    stars = (star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count))
    words = None if any(stars) else frozenset(node.name for node in tree.find_all(exp.Identifier))
    return frozenset(tables_of(tree)), words


def bare(sql: str, where: str) -> str:
    """A query up to its last word: a semicolon or a comment at its end would end whatever it is put into."""
    try:
        tokens = sqlglot.tokenize(sql, read="duckdb")
    except TokenError as error:
        cure = "close the quotes or the comment"
        raise BuildError("a text or comment has no end", where=where, cure=cure) from error
    words = [token for token in tokens if token.token_type is not TokenType.SEMICOLON]
    if not words:
        raise BuildError("is empty: it holds no SELECT", where=where, cure="write the SELECT of this table")
    return sql[: words[-1].end + 1]


def place_of(tree: exp.Expr, word: str, where: str) -> str:
    """A file with the first line whose SQL names a table, column or alias so."""
    named = (node for node in tree.find_all(exp.Identifier) if node.name == word)
    lines = [line for node in named if (line := node.meta.get("line"))]
    return f"{where}:{min(lines)}" if lines else where


def expect_known(tree: exp.Expr, known: Collection[str], where: str) -> None:
    """Raises `BuildError` naming the first table that a query reads and that is not known."""
    unknown = sorted(tables_of(tree) - set(known))
    if unknown:
        raise BuildError(
            f"reads {unknown[0]}, which is neither a model nor an input",
            where=place_of(tree, unknown[0], where),
            cure=f"{alike(unknown[0], known)}models read other models and the inputs (docs/how-to/your-own-models.md)",
        )


def ordered(models: Collection[Model], reads: Mapping[str, set[str]], inputs: Collection[str]) -> list[Model]:
    """The models in an order in which each comes after all it reads.

    Raises `BuildError` naming an unknown table (and who reads it) or the models of a cycle.
    """
    by_name = {model.name: model for model in models}
    known = by_name.keys() | set(inputs)
    for model in models:
        if not reads[model.name] <= known:
            expect_known(parse(model.sql, model.where), known, model.where)
    sorter = TopologicalSorter({name: sorted(reads[name] & by_name.keys()) for name in sorted(by_name)})
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))
        first = by_name[circle[0]]
        raise BuildError(
            f"models read each other in a circle: {' → '.join(circle)}",
            where=place_of(parse(first.sql, first.where), circle[1], first.where),
            cure="take one of these references out",
        ) from error


def selected(words: Sequence[str], order: Sequence[Model], reads: Mapping[str, set[str]]) -> frozenset[str]:
    """The models that a selection computes anew.

    A word is NAME, or +NAME for all that NAME depends on as well; NAME+ means the same as NAME. What depends
    on a selected model is always selected too: a release is consistent or it is not published.
    Raises `UsageError` for a name that no model has.
    """
    known = {model.name for model in order}
    chosen: set[str] = set()
    for word in words:
        name = word.removeprefix("+").removesuffix("+")
        if name not in known:
            raise UsageError(
                f"there is no model {name}", cure=f"{alike(name, known)}tenure build --dry-run lists the models"
            )
        chosen |= {name, *(_above(name, reads) & known if word.startswith("+") else ())}
    for model in order:
        if reads[model.name] & chosen:
            chosen.add(model.name)
    return frozenset(chosen)


def _above(name: str, reads: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = reads.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found
