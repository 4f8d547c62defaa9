"""A contract compiled to SQL: exact types out of text, and for each record the first rule it breaks.

Types are never left to a cast alone: '1.5' as an integer, 1.005 as DECIMAL(9,2) or a time of day in a
date would be rounded without a word. A value is taken when writing it back gives the same text, or
when it matches the pattern of its type.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tenure.contracts.columns import ColumnContract
from tenure.contracts.entities import ENTITIES, ID
from tenure.contracts.model import Contract

_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LITERALS = {
    "integer": r" *[+-]?[0-9]+ *",
    "timestamp": rf" *{_YEAR}-[0-9]{{2}}-[0-9]{{2}}([ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?Z?)? *",
    "number": r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})? *",
    "date": rf" *{_YEAR}-[0-9]{{2}}-[0-9]{{2}} *",
}


_DECIMAL_TYPE = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")


@dataclass(frozen=True)
class Rule:
    """One promise about one column; `broken` is SQL that is true for the records that break it."""

    column: str
    rule: str
    reason: str
    broken: str


def _literal(column: ColumnContract) -> str:
    if column.decimal:
        precision, scale = column.decimal
        whole = precision - scale
        fraction = rf"(\.[0-9]{{0,{scale}}}0*)?"
        digits = rf"(0*[0-9]{{1,{whole}}}{fraction}|\.[0-9]{{1,{scale}}}0*)" if whole else rf"0*{fraction}"
        return rf" *[+-]?{digits} *" if scale else rf" *[+-]?0*[0-9]{{1,{precision}}}(\.0*)? *"
    return _LITERALS[column.type]


def _typed(name: str, column: ColumnContract) -> str:
    """SQL for the exact value of a text column; NULL where the text is not one."""
    text = f'"{name}"'
    if column.type == "string":
        return text
    if column.type == "boolean":
        word = f"LOWER(TRIM({text}))"
        return f"CASE WHEN {word} IN ('1', 'true') THEN TRUE WHEN {word} IN ('0', 'false') THEN FALSE END"
    cast = f"TRY_CAST({text} AS {column.sql_type})"
    by_pattern = f"WHEN matches({text}, '{_literal(column)}') THEN {cast}"
    if column.type == "number":
        return f"CASE {by_pattern} END"
    canonical = f"CAST({cast} AS STRING) = {text}"
    if column.type in {"date", "timestamp"}:
        # 'infinity' is a date to DuckDB, and so is the year 0, which neither Python nor the calendar has.
        canonical += f" AND SUBSTR({text}, 5, 1) = '-' AND SUBSTR({text}, 1, 4) <> '0000'"
    return f"CASE WHEN {canonical} THEN {cast} {by_pattern} END"


def _bound(column: ColumnContract, value: object) -> str:
    return f"CAST('{value}' AS {'DOUBLE' if column.type == 'number' else 'DECIMAL(38,10)'})"


def _rules(name: str, column: ColumnContract, *, text: bool, key: bool) -> list[Rule]:
    typed, given = f'"t_{name}"', f'"{name}"'
    rules: list[Rule] = []
    if text and column.type != "string":
        broken = f"{typed} IS NULL AND {given} IS NOT NULL AND TRIM({given}) <> ''"
        rules.append(Rule(name, "type", f"is not {_article(column.type)} {column.type}", broken))
    if column.required or key:
        missing = f"{typed} IS NULL OR TRIM({typed}) = ''" if column.type == "string" else f"{typed} IS NULL"
        rules.append(Rule(name, "required", "is missing", missing))
    if column.range:
        low, high = column.range
        if low is not None:
            rules.append(Rule(name, "range", f"is below {low}", f"{typed} < {_bound(column, low)}"))
        if high is not None:
            rules.append(Rule(name, "range", f"is above {high}", f"{typed} > {_bound(column, high)}"))
    if column.pattern:
        pattern = column.pattern.replace("'", "''")
        rules.append(Rule(name, "pattern", f"does not match {column.pattern}", f"NOT matches({typed}, '{pattern}')"))
    if column.allowed:
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in column.allowed)
        reason = f"is not one of {', '.join(column.allowed)}"
        rules.append(Rule(name, "allowed", reason, f"TRIM({typed}) NOT IN ({values})"))
    return rules


def _fits_entity(contract: Contract, name: str, column: ColumnContract) -> list[Rule]:
    """Whole numbers must fit the entity's column: 32 bits, or the digits before the point of a DECIMAL."""
    canonical = ENTITIES[contract.entity].column(name)
    if canonical is None or column.type != "integer" or canonical.type == ID:
        return []
    decimal = _DECIMAL_TYPE.fullmatch(canonical.type)
    most = 10 ** (int(decimal[1]) - int(decimal[2])) - 1 if decimal else 2**31 - 1
    return [Rule(name, "range", f"does not fit {canonical.type}", f'"t_{name}" NOT BETWEEN -{most} AND {most}')]


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


@dataclass(frozen=True)
class CompiledChecks:
    """The checks as one SELECT.

    `sql` reads the relation `block` and gives the contract's columns in their exact types, `_row`,
    and `_broken`: the index in `rules` of the first rule the record breaks, NULL for a good record.
    """

    sql: str
    rules: list[Rule]


def compile_checks(contract: Contract, text_columns: Collection[str]) -> CompiledChecks:
    """The checks of a contract for a block in which `text_columns` are still text."""
    rules: list[Rule] = []
    typed: list[str] = []
    for name, column in contract.columns.items():
        is_text = name in text_columns
        typed.append(f'{_typed(name, column)} AS "t_{name}"' if is_text else f'"{name}" AS "t_{name}"')
        rules += _rules(name, column, text=is_text, key=name in contract.key)
        rules += _fits_entity(contract, name, column)
    cases = " ".join(f"WHEN {rule.broken} THEN {index}" for index, rule in enumerate(rules))
    broken = f"CASE {cases} END" if rules else "CAST(NULL AS INTEGER)"
    columns = ", ".join(f'"t_{name}" AS "{name}"' for name in contract.columns)
    inner = f"SELECT *, {', '.join(typed)} FROM block"
    return CompiledChecks(f"SELECT {columns}, _row, {broken} AS _broken FROM ({inner}) AS typed", rules)
