"""A contract compiled to SQL: exact types out of text, and for each record the first rule it breaks.

Types are never left to a cast alone: '1.5' as an integer, 1.005 as DECIMAL(9,2) or a time of day in a
date would be rounded without a word. A value is taken when writing it back gives the same text, or
when it matches the pattern of its type.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tenure.contracts.columns import ColumnContract
from tenure.contracts.entities import ID, entity_of
from tenure.contracts.model import Contract

_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LITERALS = {
    "integer": r" *[+-]?[0-9]+ *",
    "timestamp": rf" *{_YEAR}-[0-9]{{2}}-[0-9]{{2}}([ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?Z?)? *",
    "number": r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})? *",
    "date": rf" *{_YEAR}-[0-9]{{2}}-[0-9]{{2}} *",
}


_LAST_INSTANT = {"date": "9999-12-31", "timestamp": "9999-12-31 23:59:59.999999"}
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


def _typed(text: str, column: ColumnContract) -> str:
    """SQL for the exact value of a text column; NULL where the text is not one."""
    if column.written and column.written.instant:
        return f"CASE WHEN {text} IS NOT NULL THEN {column.written.instant.replace('{text}', text)} END"
    if column.type == "string":
        return text
    if column.type == "boolean":
        word = f"LOWER(TRIM({text}))"
        return f"CASE WHEN {word} IN ('1', 'true') THEN TRUE WHEN {word} IN ('0', 'false') THEN FALSE END"
    cast = f"TRY_CAST({text} AS {column.sql_type})"
    by_pattern = f"WHEN matches({text}, '{_literal(column)}') THEN {cast}"
    if column.type == "number":
        # What is greater than any number of 64 bits would become infinite.
        finite = f"ABS({cast}) <= CAST('1.7976931348623157e308' AS DOUBLE)"
        return f"CASE WHEN matches({text}, '{_literal(column)}') AND {finite} THEN {cast} END"
    # A timestamp is mostly written with a T where engines write a blank; a second T would make it differ.
    as_engines_write = f"REPLACE({text}, 'T', ' ')" if column.type == "timestamp" else text
    canonical = f"CAST({cast} AS STRING) = {as_engines_write}"
    if column.type in {"date", "timestamp"}:
        # 'infinity' is a date to DuckDB, and so is the year 0, which neither Python nor the calendar has.
        first, last = (f"CAST('{day}' AS {column.sql_type})" for day in ("0001-01-01", _LAST_INSTANT[column.type]))
        canonical += f" AND {cast} BETWEEN {first} AND {last}"
    return f"CASE WHEN {canonical} THEN {cast} {by_pattern} END"


def _bound(column: ColumnContract, value: object) -> str:
    return f"CAST('{value}' AS {'DOUBLE' if column.type == 'number' else 'DECIMAL(38,10)'})"


def _plain(text: str, column: ColumnContract) -> str:
    """SQL for the plain form of what the source wrote; NULL where it has none."""
    if column.values is not None:
        cases = " ".join(
            f"WHEN {_text(word)} THEN {'NULL' if value is None else _text(value)}"
            for word, value in column.values.items()
        )
        otherwise = f" WHEN '' THEN NULL ELSE {_text(column.otherwise)}" if column.otherwise is not None else ""
        return f"CASE COALESCE(TRIM({text}), '') {cases}{otherwise} END"
    if column.written is None:
        return text
    plain = column.written.plain.replace("{text}", text)
    return f"CASE WHEN matches(TRIM({text}), {_text(column.written.pattern)}) THEN {plain} END"


def _without_plain_form(name: str, column: ColumnContract) -> list[Rule]:
    """Records whose text has no plain form: a word that the map lacks, a date that is written otherwise."""
    given = f'"_given_{name}"'
    present = f"TRIM({given}) <> ''"
    if column.written is not None:
        return [
            Rule(name, "format", f"is not written as {column.format}", f'{present} AND "_plain_{name}" IS NULL'),
        ]
    if column.values is None or column.otherwise is not None:
        return []
    words = ", ".join(_text(word) for word in column.values)
    shown = ", ".join(word for word in column.values if word)
    return [Rule(name, "values", f"is not one of {shown}", f"{present} AND TRIM({given}) NOT IN ({words})")]


def _rules(name: str, column: ColumnContract, *, text: bool, required: bool) -> list[Rule]:
    typed, given = f'"{name}"', f'"_{"plain" if column.is_rewritten else "given"}_{name}"'
    rules = _without_plain_form(name, column) if column.is_rewritten else []
    if column.sql is not None:
        rules.append(Rule(name, "sql", "cannot be computed", f'"_list_{name}" IS NULL'))
        inexact = f'"_list_{name}"[1] IS NOT NULL AND ({typed} IS NULL OR {typed} <> "_list_{name}"[1])'
        rules.append(Rule(name, "sql", f"is computed, but not exactly {_article(column.type)} {column.type}", inexact))
    if text and column.type != "string":
        broken = f"{typed} IS NULL AND {given} IS NOT NULL AND TRIM({given}) <> ''"
        rules.append(Rule(name, "type", f"is not {_article(column.type)} {column.type}", broken))
    if required:
        missing = f"{typed} IS NULL OR TRIM({typed}) = ''" if column.type == "string" else f"{typed} IS NULL"
        rules.append(Rule(name, "required", "is missing", missing))
    if column.range:
        low, high = column.range
        if low is not None:
            rules.append(Rule(name, "range", f"is below {low}", f"{typed} < {_bound(column, low)}"))
        if high is not None:
            rules.append(Rule(name, "range", f"is above {high}", f"{typed} > {_bound(column, high)}"))
    if column.pattern:
        reason = f"does not match {column.pattern}"
        rules.append(Rule(name, "pattern", reason, f"NOT matches({typed}, {_text(column.pattern)})"))
    if column.allowed:
        values = ", ".join(_text(value) for value in column.allowed)
        reason = f"is not one of {', '.join(column.allowed)}"
        rules.append(Rule(name, "allowed", reason, f"TRIM({typed}) NOT IN ({values})"))
    return rules


def _name(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _fits_entity(contract: Contract, name: str, column: ColumnContract) -> list[Rule]:
    """Whole numbers must fit the entity's column: 32 bits, or the digits before the point of a DECIMAL."""
    canonical = entity_of(contract.entity).column(name)
    if canonical is None or column.type != "integer" or canonical.type == ID:
        return []
    decimal = _DECIMAL_TYPE.fullmatch(canonical.type)
    most = 10 ** (int(decimal[1]) - int(decimal[2])) - 1 if decimal else 2**31 - 1
    return [Rule(name, "range", f"does not fit {canonical.type}", f'"{name}" NOT BETWEEN -{most} AND {most}')]


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
    """The checks of a contract for a block that holds the columns read; `text_columns` of them are still text."""
    read = {name: column for name, column in contract.columns.items() if column.is_read}
    computed = {name: column for name, column in contract.columns.items() if column.sql is not None}
    source = "block"
    rewritten = [name for name, column in read.items() if column.is_rewritten]
    if rewritten:
        plain = ", ".join(_plain(_name(name), read[name]) + f' AS "_plain_{name}"' for name in rewritten)
        source = f"(SELECT *, {plain} FROM block) AS plain"
    typed: list[str] = []
    for name, column in contract.columns.items():
        if name in text_columns:
            text = f'"_plain_{name}"' if column.is_rewritten else f'"{name}"'
            typed.append(f'{_typed(text, column)} AS "{name}", "{name}" AS "_given_{name}"')
            typed += [f'{text} AS "_plain_{name}"'] if column.is_rewritten else []
        elif column.constant is not None:
            typed.append(f'CAST({_text(column.constant)} AS {column.sql_type}) AS "{name}"')
        elif column.is_read:
            typed.append(f'"{name}"')
    relation = f"(SELECT {', '.join(typed)}, _row FROM {source}) AS typed"
    if computed:
        # A value that cannot be computed breaks its record, not the delivery. A list tells it from one that is
        # NULL. This is DuckDB's own SQL: records are read on this machine, whatever engine builds the warehouse.
        lists = ", ".join(f'TRY([(\n{column.sql}\n)]) AS "_list_{name}"' for name, column in computed.items())
        values = ", ".join(
            f'TRY_CAST("_list_{name}"[1] AS {column.sql_type}) AS "{name}"' for name, column in computed.items()
        )
        relation = f"(SELECT *, {values} FROM (SELECT *, {lists} FROM {relation}) AS listed) AS computed"
    rules: list[Rule] = []
    for name, column in [*read.items(), *computed.items()]:
        rules += _rules(name, column, text=name in text_columns, required=contract.requires(name))
        rules += _fits_entity(contract, name, column)
    cases = " ".join(f"WHEN {rule.broken} THEN {index}" for index, rule in enumerate(rules))
    broken = f"CASE {cases} END" if rules else "CAST(NULL AS INTEGER)"
    columns = ", ".join(f'"{name}"' for name in contract.columns)
    return CompiledChecks(f"SELECT {columns}, _row, {broken} AS _broken FROM {relation}", rules)
