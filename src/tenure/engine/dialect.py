"""Reading a model's SQL: one statement, inside the common subset, or an error that says what to write instead."""

from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from tenure.core.errors import BuildError
from tenure.engine.lint_text import text_problems
from tenure.engine.lint_tree import Problem, tree_problems


def parse(sql: str, where: str) -> exp.Query:
    """The syntax tree of one SELECT inside the common subset. sqlglot only reads it: nothing is ever rewritten.

    `where` names the file in errors.
    Raises BuildError when the text is not SQL, holds several statements or leaves the subset.
    """
    try:
        tokens = sqlglot.tokenize(sql, read="duckdb")
        trees = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except (ParseError, TokenError) as error:
        raise BuildError(f"not SQL: {_reason(error)}", where=where, cure="correct the syntax") from error
    if len(trees) != 1:
        cure = "write one SELECT per file"
        raise BuildError(f"{len(trees)} statements where one is expected", where=where, cure=cure)
    problems = [*tree_problems(trees[0]), *text_problems(tokens)]
    _refuse(sorted(problems, key=lambda problem: problem.line or 0), where)
    query = trees[0]
    assert isinstance(query, exp.Query)
    return query


def _refuse(problems: Sequence[Problem], where: str) -> None:
    if not problems:
        return
    if len(problems) == 1:
        line = problems[0].line
        raise BuildError(problems[0].what, where=f"{where}:{line}" if line else where, cure=problems[0].cure)
    lines = [f"  line {problem.line or '?'}: {problem.what}; instead: {problem.cure}" for problem in problems]
    what = f"{len(problems)} places are outside the SQL that both engines share\n" + "\n".join(lines)
    raise BuildError(what, where=where, cure="change each as its line says")


def _reason(error: ParseError | TokenError) -> str:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else None
    if details is None:
        return str(error).split("\n", 1)[0]
    return f"{details.get('description')} in line {details.get('line')}"
