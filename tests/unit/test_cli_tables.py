"""Tables for people: fitted to a terminal without losing a word, aligned, and harmless to the terminal."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tenure.cli.tables import Table, table_of

WORDS = "the quick brown fox jumps over the lazy dog"


def text_of(value: object) -> str:
    return "–" if value is None else str(value)


def table(names: list[str], *rows: tuple[object, ...], width: int | None = None) -> Table:
    return table_of(names, rows, text_of, width)


def test_decimals_of_a_column_are_padded_alike_and_noise_is_left_alone() -> None:
    found = table(["n", "x", "y"], (1, Decimal("16.75"), 1 / 3), (20, 13.0, 0.5), (None, 48, None))
    assert found.lines[2:] == (
        " 1  16.75  0.3333333333333333",
        "20  13.00                 0.5",
        " –  48.00                   –",
    )


def test_without_a_width_no_line_is_folded() -> None:
    assert table(["text"], (WORDS * 20,)).lines[2] == WORDS * 20


def test_a_long_text_is_folded_into_the_room_there_is() -> None:
    found = table(["id", "text", "n"], (1, WORDS, 7), width=40)
    assert found.lines == (
        "id  text                               n",
        "──  ─────────────────────────────────  ─",
        " 1  the quick brown fox jumps over     7",
        "    the lazy dog",
    )
    assert not found.cut


def test_what_is_too_long_even_when_folded_is_cut_and_says_so() -> None:
    found = table(["id", "text"], (1, "x" * 500), width=30)
    assert found.cut
    assert len(found.lines) == 6
    assert found.lines[-1].endswith("…")


def test_columns_that_do_not_fit_stand_below_with_the_first_one() -> None:
    found = table(["month", "a" * 20, "b" * 20], ("2025-01", 1, 2), ("2025-02", 3, 4), width=40)
    assert found.lines == (
        "month    aaaaaaaaaaaaaaaaaaaa",
        "───────  ────────────────────",
        "2025-01                     1",
        "2025-02                     3",
        "",
        "month    bbbbbbbbbbbbbbbbbbbb",
        "───────  ────────────────────",
        "2025-01                     2",
        "2025-02                     4",
    )


def test_nothing_in_a_value_commands_the_terminal_or_breaks_a_line() -> None:
    assert table(["text"], ("a\nb\x1b[31mred\u202e",)).lines[2] == "a\\nb\\x1b[31mred\\u202e"


_texts = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=60)


@given(
    rows=st.lists(st.tuples(st.integers(0, 10**9), _texts, _texts, st.decimals(0, 10**6, places=2)), max_size=5),
    width=st.integers(30, 120),
)
def test_every_line_fits_and_every_word_is_there(rows: list[tuple[object, ...]], width: int) -> None:
    found = table(["id", "first", "second", "amount"], *rows, width=width)
    assert max(map(len, found.lines)) <= width
    shown = "".join("".join(found.lines).split())
    for row in rows:
        assert str(row[0]) in shown
        assert str(row[3]) in shown
        letters = sum(len("".join(str(text).split())) for text in row[1:3])
        assert found.cut or sum(map(len, found.lines)) >= letters


def test_a_table_without_rows_has_its_header() -> None:
    assert table(["a", "b"], width=20).lines == ("a  b", "─  ─")
