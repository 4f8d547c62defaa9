"""The few functions that the common subset cannot say: one name, one result, one text per engine.

Every shim returns NULL when an argument is NULL. Models call them like built-in functions; both engines
install their own text at the start of a connection. The parity suite runs each of them on both.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shim:
    """A function that both engines must know.

    `meaning` starts with the signature in the common type names; `duckdb` and `spark` are the statements that
    create it.
    """

    name: str
    meaning: str
    duckdb: str
    spark: str


# The first 63 bits of the MD5 digest. Reading 16 hexadecimal digits is 2.7 times as fast in DuckDB as
# md5_number_upper(), whose byte order Spark could only copy digit by digit.
_STABLE_ID = Shim(
    "stable_id",
    "stable_id(entity STRING, key STRING) -> BIGINT: an id of 63 bits, never negative, the same for ever.",
    """
    CREATE OR REPLACE MACRO stable_id(entity, key) AS
    CAST(CAST('0x' || SUBSTR(md5(CAST(entity AS VARCHAR) || ':' || CAST(key AS VARCHAR)), 1, 16) AS UBIGINT) >> 1
        AS BIGINT)
    """,
    """
    CREATE OR REPLACE TEMPORARY FUNCTION stable_id(entity STRING, key STRING) RETURNS BIGINT RETURN
    shiftrightunsigned(CAST(conv(SUBSTR(md5(CAST(entity || ':' || key AS BINARY)), 1, 16), 16, -10) AS BIGINT), 1)
    """,
)

# A hundredth of an hour is 36,000,000 microseconds; both engines' integer division cuts towards zero.
_HOURS_BETWEEN = Shim(
    "hours_between",
    "hours_between(a TIMESTAMP, b TIMESTAMP) -> DECIMAL(10,2): hours from a to b, exact, halves away from zero.",
    """
    CREATE OR REPLACE MACRO hours_between(a, b) AS
    CAST(CAST(CASE
        WHEN CAST(b AS TIMESTAMP) < CAST(a AS TIMESTAMP)
        THEN (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP)) - 18000000) // 36000000
        ELSE (epoch_us(CAST(b AS TIMESTAMP)) - epoch_us(CAST(a AS TIMESTAMP)) + 18000000) // 36000000
    END AS DECIMAL(18, 0)) * 0.01 AS DECIMAL(10, 2))
    """,
    """
    CREATE OR REPLACE TEMPORARY FUNCTION hours_between(a TIMESTAMP_NTZ, b TIMESTAMP_NTZ) RETURNS DECIMAL(10, 2) RETURN
    CAST(CAST(CASE
        WHEN b < a THEN (timestampdiff(MICROSECOND, a, b) - 18000000) DIV 36000000
        ELSE (timestampdiff(MICROSECOND, a, b) + 18000000) DIV 36000000
    END AS DECIMAL(18, 0)) * 0.01BD AS DECIMAL(10, 2))
    """,
)

_DAYS_BETWEEN = Shim(
    "days_between",
    "days_between(a DATE, b DATE) -> INTEGER: b minus a.",
    "CREATE OR REPLACE MACRO days_between(a, b) AS CAST(CAST(b AS DATE) - CAST(a AS DATE) AS INTEGER)",
    "CREATE OR REPLACE TEMPORARY FUNCTION days_between(a DATE, b DATE) RETURNS INTEGER RETURN datediff(b, a)",
)

_ISO_DOW = Shim(
    "iso_dow",
    "iso_dow(d DATE) -> INTEGER: 1 on a Monday to 7 on a Sunday.",
    "CREATE OR REPLACE MACRO iso_dow(d) AS CAST(isodow(CAST(d AS DATE)) AS INTEGER)",
    "CREATE OR REPLACE TEMPORARY FUNCTION iso_dow(d DATE) RETURNS INTEGER RETURN weekday(d) + 1",
)

_MONTH_START = Shim(
    "month_start",
    "month_start(d DATE) -> DATE: the first day of its month.",
    "CREATE OR REPLACE MACRO month_start(d) AS CAST(date_trunc('month', CAST(d AS DATE)) AS DATE)",
    "CREATE OR REPLACE TEMPORARY FUNCTION month_start(d DATE) RETURNS DATE RETURN trunc(d, 'MM')",
)

# A date plus an interval is a timestamp in DuckDB and a date in Spark.
_ADD_MONTHS_TO = Shim(
    "add_months_to",
    "add_months_to(d DATE, n INTEGER) -> DATE: n months later (earlier if negative), at most at the month's end.",
    "CREATE OR REPLACE MACRO add_months_to(d, n) AS CAST(CAST(d AS DATE) + to_months(CAST(n AS INTEGER)) AS DATE)",
    "CREATE OR REPLACE TEMPORARY FUNCTION add_months_to(d DATE, n INTEGER) RETURNS DATE RETURN add_months(d, n)",
)

_ADD_DAYS_TO = Shim(
    "add_days_to",
    "add_days_to(d DATE, n INTEGER) -> DATE: n days later (earlier if negative).",
    "CREATE OR REPLACE MACRO add_days_to(d, n) AS CAST(CAST(d AS DATE) + CAST(n AS INTEGER) AS DATE)",
    "CREATE OR REPLACE TEMPORARY FUNCTION add_days_to(d DATE, n INTEGER) RETURNS DATE RETURN date_add(d, n)",
)

_DAY_SERIES = Shim(
    "day_series",
    "FROM day_series(first DATE, last DATE) -> TABLE(day DATE): every day from first to last, both included;"
    " no rows when last is before first or either is NULL.",
    """
    CREATE OR REPLACE MACRO day_series(first_day, last_day) AS TABLE
    SELECT CAST(generate_series AS DATE) AS day
    FROM generate_series(CAST(first_day AS TIMESTAMP), CAST(last_day AS TIMESTAMP), INTERVAL 1 DAY)
    """,
    """
    CREATE OR REPLACE TEMPORARY FUNCTION day_series(first_day DATE, last_day DATE) RETURNS TABLE(day DATE) RETURN
    SELECT explode(CASE WHEN first_day <= last_day THEN sequence(first_day, last_day, INTERVAL 1 DAY) END)
    """,
)

# Java's `.` and `$` see other line ends than DuckDB's RE2 unless told otherwise: (?d) and \z.
_MATCHES = Shim(
    "matches",
    "matches(text STRING, pattern STRING) -> BOOLEAN: the whole text fits the regular expression (RE2 and Java).",
    "CREATE OR REPLACE MACRO matches(text, pattern) AS regexp_full_match(CAST(text AS VARCHAR), pattern)",
    r"""
    CREATE OR REPLACE TEMPORARY FUNCTION matches(text STRING, pattern STRING) RETURNS BOOLEAN RETURN
    text RLIKE (r'(?d)\A(?:' || pattern || r')\z')
    """,
)

# A cast of a DOUBLE to a DECIMAL reads 1.005 as 1.00 in DuckDB and as 1.01 in Spark.
_TO_CENTS = Shim(
    "to_cents",
    "to_cents(x DOUBLE) -> DECIMAL(18,2): x in whole cents; halves, as the double is stored, away from zero.",
    """
    CREATE OR REPLACE MACRO to_cents(x) AS
    CAST(CAST(CASE WHEN x < 0 THEN -1 ELSE 1 END * CAST(floor(abs(CAST(x AS DOUBLE)) * 100 + 0.5) AS BIGINT)
        AS DECIMAL(18, 0)) * 0.01 AS DECIMAL(18, 2))
    """,
    """
    CREATE OR REPLACE TEMPORARY FUNCTION to_cents(x DOUBLE) RETURNS DECIMAL(18, 2) RETURN
    CAST(CAST(CASE WHEN x < 0 THEN -1 ELSE 1 END * CAST(abs(x) * 100 + 0.5D AS BIGINT)
        AS DECIMAL(18, 0)) * 0.01BD AS DECIMAL(18, 2))
    """,
)

# LOWER and UPPER disagree on some 200 letters: UPPER('ß') is 'ẞ' in DuckDB and 'SS' in Spark.
_LOWER_ASCII = Shim(
    "lower_ascii",
    "lower_ascii(text STRING) -> STRING: A to Z become a to z, every other letter stays: for comparing codes.",
    "CREATE OR REPLACE MACRO lower_ascii(text) AS"
    " translate(CAST(text AS VARCHAR), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')",
    "CREATE OR REPLACE TEMPORARY FUNCTION lower_ascii(text STRING) RETURNS STRING RETURN"
    " translate(text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')",
)

# POWER differs in the last digit between machines; multiplying one after another does not.
_POWER_OF = Shim(
    "power_of",
    "power_of(x DOUBLE, n INTEGER) -> DOUBLE: x times itself, n factors from left to right; 1 when n is 0 or below.",
    """
    CREATE OR REPLACE MACRO power_of(x, n) AS CASE WHEN x IS NOT NULL AND n IS NOT NULL THEN
    list_reduce(list_transform(range(CAST(n AS BIGINT)), lambda step: CAST(x AS DOUBLE)),
        lambda product, factor: product * factor, CAST(1 AS DOUBLE)) END
    """,
    """
    CREATE OR REPLACE TEMPORARY FUNCTION power_of(x DOUBLE, n INTEGER) RETURNS DOUBLE RETURN
    CASE WHEN x IS NOT NULL AND n IS NOT NULL THEN
    aggregate(array_repeat(x, n), 1D, (product, factor) -> product * factor) END
    """,
)

# A DOUBLE as text is 1e-05 in DuckDB and 1.0E-5 in Spark.
_BITS_OF = Shim(
    "bits_of",
    "bits_of(x DOUBLE) -> BIGINT: the 64 bits of x as a number: for comparing, not for reading.",
    "CREATE OR REPLACE MACRO bits_of(x) AS CAST(CAST(CAST(x AS DOUBLE) AS BIT) AS BIGINT)",
    """
    CREATE OR REPLACE TEMPORARY FUNCTION bits_of(x DOUBLE) RETURNS BIGINT RETURN
    CASE WHEN x IS NOT NULL THEN CAST(reflect('java.lang.Double', 'doubleToLongBits', x) AS BIGINT) END
    """,
)

SHIMS: tuple[Shim, ...] = (
    _STABLE_ID,
    _HOURS_BETWEEN,
    _DAYS_BETWEEN,
    _ISO_DOW,
    _MONTH_START,
    _ADD_MONTHS_TO,
    _ADD_DAYS_TO,
    _DAY_SERIES,
    _MATCHES,
    _TO_CENTS,
    _LOWER_ASCII,
    _POWER_OF,
    _BITS_OF,
)

DUCKDB_SHIMS: tuple[str, ...] = tuple(shim.duckdb for shim in SHIMS)
SPARK_SHIMS: tuple[str, ...] = tuple(shim.spark for shim in SHIMS)
