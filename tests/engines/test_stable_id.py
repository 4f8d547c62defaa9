"""Ids derived from natural keys: never negative, spread evenly, without collisions, the same on every engine."""

import hashlib

import pytest

from tenure.engine.protocol import Engine


def expected(entity: str, key: str) -> int:
    """The first 63 bits of the MD5 digest."""
    return int.from_bytes(hashlib.md5(f"{entity}:{key}".encode()).digest()[:8]) >> 1


def test_an_id_is_the_first_63_bits_of_the_digest(engine: Engine) -> None:
    keys = ["1", "", "C-000123", "é\U0001f642", "a:b"]
    values = ", ".join(f"('{key}')" for key in keys)
    answer = engine.query(f"SELECT k, stable_id('usage', k) AS id FROM (VALUES {values}) AS v(k)")
    assert {row["k"]: row["id"] for row in answer.to_pylist()} == {key: expected("usage", key) for key in keys}


def test_five_million_ids_do_not_collide_and_spread_evenly(duckdb_engine: Engine) -> None:
    answer = duckdb_engine.query(
        "SELECT COUNT(DISTINCT id) AS ids, MIN(id) AS lowest, COUNT(*) FILTER (WHERE id % 2 = 1) AS odd,"
        " COUNT(*) FILTER (WHERE id >= 4611686018427387904) AS upper_half"
        " FROM (SELECT stable_id(e, CAST(k AS STRING)) AS id"
        " FROM (VALUES ('usage'), ('offer'), ('ticket'), ('transaction'), ('customer')) AS v(e)"
        " CROSS JOIN range(1000000) AS r(k)) AS numbered"
    ).to_pylist()[0]
    assert answer["ids"] == 5_000_000
    assert answer["lowest"] >= 0
    # 5,000,000 fair coins: six standard deviations are 6,708
    assert abs(answer["odd"] - 2_500_000) < 6_708
    assert abs(answer["upper_half"] - 2_500_000) < 6_708


@pytest.mark.needs("java")
def test_both_engines_give_the_same_ids(duckdb_engine: Engine, spark_engine: Engine) -> None:
    numbers = (
        "(SELECT a.x * 100 + b.x * 10 + c.x AS k FROM ten AS a CROSS JOIN ten AS b CROSS JOIN ten AS c) AS numbers"
    )
    sql = (
        f"WITH ten AS (SELECT x FROM (VALUES {', '.join(f'({digit})' for digit in range(10))}) AS v(x))"
        f" SELECT k, stable_id('offer', CAST(k AS STRING)) AS id FROM {numbers} ORDER BY k NULLS LAST"
    )
    assert duckdb_engine.query(sql).to_pylist() == spark_engine.query(sql).to_pylist()
