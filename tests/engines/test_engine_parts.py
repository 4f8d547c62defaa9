"""Parts of a table, on both engines: written by month, summed file by file, found by a condition on their rows."""

from collections import Counter
from datetime import date, datetime
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.core.errors import TenureError
from tenure.engine.protocol import Engine, content_hash_of

_NUMBERS = count()

DATED = pa.table(
    {
        "n": pa.array([1, 2, 3, 4, 5, 6, None], pa.int64()),
        "day": pa.array(
            [date(2025, 9, 1), date(2025, 9, 30), None, date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), None],
            pa.date32(),
        ),
        "moment": pa.array(
            [
                datetime(2025, 9, 1),
                datetime(2025, 9, 30, 23, 59, 59, 999999),
                None,
                datetime(2024, 2, 29, 12),
                datetime(1, 1, 1),
                datetime(9999, 12, 31, 23, 59, 59),
                None,
            ],
            pa.timestamp("us"),
        ),
        "filename": pa.array(["a", None, "c", "d", "e", "f", "g"], pa.string()),
    }
)
MONTHS = {"2025-09": [1, 2], "none": [3, None], "2024-02": [4], "0001-01": [5], "9999-12": [6]}
AWKWARD = "it's a [folder] {of} 50%20 ü, #1? month=2020-01-01"


@pytest.fixture
def dated(engine: Engine) -> str:
    """The name of a relation that no other test uses, over `DATED`."""
    name = f"dated_{next(_NUMBERS)}"
    engine.register(name, DATED)
    return name


@pytest.fixture(params=["plain", AWKWARD])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    return folder


def numbers(files: list[tuple[str, Path]]) -> dict[str, list[int | None]]:
    """The numbers that lie in each month's files, in order, those without last."""
    found: dict[str, list[int | None]] = {}
    for month, file in files:
        found.setdefault(month, []).extend(pq.read_table(file, partitioning=None).column("n").to_pylist())
    return {month: sorted(values, key=lambda number: (number is None, number)) for month, values in found.items()}


@pytest.mark.parametrize("column", ["day", "moment"])
def test_rows_are_written_by_month_and_keep_their_columns(
    engine: Engine, dated: str, folder: Path, column: str
) -> None:
    written = engine.write_months(f"SELECT * FROM {dated}", column, folder / "months")
    assert numbers(written) == MONTHS
    for _, file in written:
        assert pq.read_schema(file).names == DATED.column_names
        assert pq.read_schema(file).types == DATED.schema.types
    together = pa.concat_tables([pq.read_table(file, partitioning=None) for _, file in written])
    assert Counter(map(str, together.to_pylist())) == Counter(map(str, DATED.to_pylist()))


def test_no_rows_make_no_files(engine: Engine, dated: str, tmp_path: Path) -> None:
    assert engine.write_months(f"SELECT * FROM {dated} WHERE n > 99", "day", tmp_path / "months") == []


def test_a_folder_that_holds_files_is_not_written_over(engine: Engine, dated: str, tmp_path: Path) -> None:
    written = engine.write_months(f"SELECT * FROM {dated}", "day", tmp_path / "months")
    with pytest.raises(TenureError):
        engine.write_months(f"SELECT * FROM {dated} WHERE n = 1", "day", tmp_path / "months")
    assert numbers(written) == MONTHS


def test_a_failed_write_by_month_gives_no_file(engine: Engine, dated: str, tmp_path: Path) -> None:
    broken = f"SELECT CAST(filename || 'x' AS INTEGER) AS wrong, day FROM {dated}"
    with pytest.raises(TenureError) as caught:
        engine.write_months(broken, "day", tmp_path / "months")
    assert "ax" not in str(caught.value)


def test_the_sums_of_files_make_the_hash_of_the_table(engine: Engine, dated: str, folder: Path) -> None:
    files = [file for _, file in engine.write_months(f"SELECT * FROM {dated}", "day", folder / "months")]
    sums = engine.checksums(files)
    assert [rows for rows, _ in sums] == [pq.read_metadata(file).num_rows for file in files]
    whole = content_hash_of(engine.columns(dated), sum(rows for rows, _ in sums), sum(each for _, each in sums))
    assert whole == engine.content_hash(dated)


def test_a_sum_is_of_the_rows_whatever_their_order(engine: Engine, dated: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("up.parquet", "down.parquet", "less.parquet", "nothing.parquet")]
    engine.write(f"SELECT * FROM {dated} ORDER BY n NULLS LAST", files[0])
    engine.write(f"SELECT * FROM {dated} ORDER BY n DESC NULLS LAST", files[1])
    engine.write(f"SELECT * FROM {dated} WHERE n > 1", files[2])
    engine.write(f"SELECT * FROM {dated} WHERE n > 99", files[3])
    up, down, less, nothing = engine.checksums(files)
    assert up == down
    assert (less[0], nothing) == (5, (0, 0))
    assert up[1] != less[1] != 0
    assert engine.checksums([]) == []


def test_sums_by_a_label_are_those_of_files_with_these_rows(engine: Engine, dated: str, folder: Path) -> None:
    written = engine.write_months(f"SELECT * FROM {dated}", "day", folder / "months")
    by_file: dict[str, list[tuple[int, int]]] = {}
    for (month, _), sums in zip(written, engine.checksums([file for _, file in written]), strict=True):
        by_file.setdefault(month, []).append(sums)
    label = "COALESCE(SUBSTR(CAST(CAST(p.day AS DATE) AS STRING), 1, 7), 'none')"
    expected = {month: (sum(n for n, _ in sums), sum(each for _, each in sums)) for month, sums in by_file.items()}
    assert engine.row_sums(dated, label) == expected


@pytest.mark.parametrize("kind", ["BIGINT", "INTEGER", "STRING", "DATE"])
def test_different_values_are_counted(engine: Engine, kind: str) -> None:
    numbers = [5, None, -3, 5, 900, 5, 7]
    values = " UNION ALL ".join(f"SELECT {'NULL' if n is None else n} AS n" for n in numbers)
    cast = "add_days_to(CAST('2025-01-01' AS DATE), CAST(n AS INTEGER))" if kind == "DATE" else f"CAST(n AS {kind})"
    engine.view("several", f"SELECT {cast} AS n FROM ({values}) AS v")
    assert engine.distinct("several", "n") == 4
    engine.view("nothing", "SELECT * FROM several WHERE n IS NULL")
    assert engine.distinct("nothing", "n") == 0


def test_values_far_apart_are_counted_too(engine: Engine) -> None:
    engine.view("far_apart", "SELECT CAST(-5 AS BIGINT) AS n UNION ALL SELECT CAST(9000000000000000000 AS BIGINT)")
    assert engine.distinct("far_apart", "n") == 2


def test_files_are_known_by_any_path_that_leads_to_them(
    engine: Engine, dated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "real" / "part.parquet"
    file.parent.mkdir()
    engine.write(f"SELECT * FROM {dated}", file)
    (tmp_path / "linked").symlink_to("real")
    linked = tmp_path / "linked" / "part.parquet"
    assert engine.checksums([linked]) == engine.checksums([file])
    assert engine.files_where([linked], "p.n = 1") == [linked]
    monkeypatch.chdir(tmp_path)
    relative = Path("real/part.parquet")
    assert engine.checksums([relative]) == engine.checksums([file])
    assert engine.files_where([relative], "p.n = 1") == [relative]


def test_files_are_found_by_their_rows(engine: Engine, dated: str, folder: Path) -> None:
    written = engine.write_months(f"SELECT * FROM {dated}", "day", folder / "months")
    months = {file: month for month, file in written}
    files = list(months)

    def found(condition: str) -> set[str]:
        return {months[file] for file in engine.files_where(files, condition)}

    assert found("p.n IN (1, 4)") == {"2025-09", "2024-02"}
    assert found("p.n IS NULL") == {"none"}
    assert found("p.day < DATE '2025-01-01'") == {"0001-01", "2024-02"}
    assert found("p.filename = 'c'") == {"none"}
    assert found("p.n > NULL") == found("p.n > 99") == set()
    assert found("1 = 1") == set(MONTHS)
    engine.register(f"{dated}_wanted", pa.table({"n": [2, 6]}))
    assert found(f"EXISTS (SELECT 1 FROM {dated}_wanted AS w WHERE w.n = p.n)") == {"2025-09", "9999-12"}
    assert found(f"p.n IN (SELECT w.n FROM {dated}_wanted AS w)") == {"2025-09", "9999-12"}


def test_files_are_given_in_their_order_and_none_for_none(engine: Engine, dated: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{place}.parquet" for place in range(4)]
    for place, file in enumerate(files):
        engine.write(f"SELECT * FROM {dated} WHERE n > {99 if place == 1 else place}", file)
    assert engine.files_where(files[::-1], "p.n > 1") == [files[3], files[2], files[0]]
    assert engine.files_where([], "1 = 1") == []
