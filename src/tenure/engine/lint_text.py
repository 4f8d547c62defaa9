"""Rules about the text of a query that its syntax tree no longer shows: `::`, type names, NULLS FIRST or LAST."""

from collections.abc import Iterator, Sequence

from sqlglot.tokenizer_core import Token, TokenType

from tenure.engine.lint_tree import Problem
from tenure.engine.subset import TYPES

_TYPE_NAMES = frozenset(name.split("(")[0] for name in TYPES)
_AFTER_ORDER_BY = frozenset({"LIMIT", "OFFSET", "ROWS", "RANGE", "GROUPS", "UNION", "EXCEPT", "INTERSECT", ";"})


def text_problems(tokens: Sequence[Token]) -> list[Problem]:
    """All that the tokens of a query show outside the common SQL."""
    return [*_double_colons(tokens), *_type_names(tokens), *_from_first(tokens), *_null_orders(tokens)]


def _double_colons(tokens: Sequence[Token]) -> Iterator[Problem]:
    for token in tokens:
        if token.token_type is TokenType.DCOLON:
            yield Problem(token.line, ":: is not in the common SQL", "CAST(x AS type)")


def _type_names(tokens: Sequence[Token]) -> Iterator[Problem]:
    opened: list[bool] = []  # for each open parenthesis: does it belong to a CAST?
    for before, token, after in zip([None, *tokens[:-1]], tokens, [*tokens[1:], None], strict=True):
        if token.token_type is TokenType.L_PAREN:
            opened.append(before is not None and before.text.upper() == "CAST")
        elif token.token_type is TokenType.R_PAREN and opened:
            opened.pop()
        elif opened and opened[-1] and before is not None and before.token_type is TokenType.ALIAS:
            name = token.text.upper()
            if name not in _TYPE_NAMES:
                yield Problem(token.line, f"{name} is not a type name of both engines", f"use {', '.join(TYPES)}")
            elif name == "DECIMAL" and (after is None or after.token_type is not TokenType.L_PAREN):
                what = "DECIMAL without precision and scale has another size in each engine"
                yield Problem(token.line, what, "write DECIMAL(18,2)")


def _from_first(tokens: Sequence[Token]) -> Iterator[Problem]:
    if tokens and tokens[0].token_type is TokenType.FROM:
        yield Problem(tokens[0].line, "a query that starts with FROM is not in the common SQL", "SELECT … FROM …")


def _null_orders(tokens: Sequence[Token]) -> Iterator[Problem]:
    for place, token in enumerate(tokens):
        if token.token_type is TokenType.ORDER_BY:
            for item in _order_items(tokens[place + 1 :]):
                words = [part.text.upper() for part in item[-2:]]
                if words not in (["NULLS", "FIRST"], ["NULLS", "LAST"]):
                    what = "ORDER BY without NULLS FIRST or NULLS LAST: the engines' defaults differ"
                    yield Problem(item[-1].line, what, "add NULLS LAST (or FIRST) to every expression")


def _order_items(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The expressions of an ORDER BY, given the tokens after it."""
    depth, item = 0, list[Token]()
    for token in tokens:
        if token.token_type is TokenType.L_PAREN:
            depth += 1
        elif token.token_type is TokenType.R_PAREN:
            depth -= 1
        outside = depth == 0 and token.token_type is not TokenType.R_PAREN
        if depth < 0 or (outside and token.text.upper() in _AFTER_ORDER_BY):
            break
        if outside and token.token_type is TokenType.COMMA:
            yield item
            item = list[Token]()
        else:
            item.append(token)
    if item:
        yield item
