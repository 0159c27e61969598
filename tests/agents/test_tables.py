"""Tables are read from what people paste, and written so that they are read again alike."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.tables import FORMS, Grid, read_table, write_table
from rebut.errors import InputError

CITIES = Grid(("city", "people"), (("Oslo", "700,000"), ("Rome", "2,750,000")))


@pytest.mark.parametrize(
    "text",
    [
        'city,people\nOslo,"700,000"\nRome,"2,750,000"\n',
        "city;people\n\nOslo;700,000\nRome;2,750,000",
        "city\tpeople\r\nOslo\t700,000\r\nRome\t2,750,000\r\n",
        "| city | people |\n|:-----|-------:|\n| Oslo | 700,000 |\n| Rome | 2,750,000 |",
        "Table 1. Some cities.\n\n  |city|people|\n  |---|---|\n  |Oslo|700,000|\n  |Rome|2,750,000|\n\nEnd.",
        "city | people\n--- | ---\nOslo | 700,000\nRome | 2,750,000",
    ],
)
def test_a_table_is_read_however_it_is_written(text: str) -> None:
    assert read_table(text) == CITIES


def test_short_rows_and_empty_cells_are_filled() -> None:
    assert read_table("a,b,c\n1,2\n,,3").rows == (("1", "2", ""), ("", "", "3"))
    assert read_table("a\tb\tc\n\t2\t3\n1\t\t").rows == (("", "2", "3"), ("1", "", ""))
    assert read_table("| a | b |\n|---|---|\n| | 2 |\n| 1 | |").rows == (("", "2"), ("1", ""))


def test_a_bar_in_a_cell_is_no_border() -> None:
    assert read_table("| a | b |\n|---|---|\n| x \\| y | 2 |").rows == (("x | y", "2"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no table"),
        ("just a sentence", "holds no table"),
        ("name\nAna\nBen", "holds no table"),
        ("a,b\n1,2\n1,2,3", "row 2 of the table has 3 cells, its header has 2"),
        ("| a | b |\n| 1 | 2 | 3 |", "row 1 of the table has 3 cells"),
        ("a,b\n" + "x" * 200_000, "a line of more than"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_table(text)


def test_each_form_is_written_as_it_is_used() -> None:
    assert write_table(CITIES) == "| city | people |\n| --- | --- |\n| Oslo | 700,000 |\n| Rome | 2,750,000 |"
    assert write_table(CITIES, "csv") == 'city,people\nOslo,"700,000"\nRome,"2,750,000"'
    odd = Grid(("a", "b"), (("<b> & c", "x\ny"),))
    assert write_table(odd, "html").splitlines()[2] == "<tr><td>&lt;b&gt; &amp; c</td><td>x y</td></tr>"
    with pytest.raises(InputError, match=r"unknown form of a table: 'markdwon'.*markdown"):
        write_table(CITIES, "markdwon")


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_table_says_how_many_rows_are_missing(form: str) -> None:
    cut = write_table(CITIES, form, rows=1)
    assert "Oslo" in cut and "Rome" not in cut and cut.endswith("\n(1 further rows are not shown)")
    assert write_table(CITIES, form, rows=2) == write_table(CITIES, form)


LETTERS = st.text("abcxyz\u00e4\u65e5", min_size=1, max_size=5)
CELLS = st.text('a1.,;|\\"<&>$\u00e4\u65e5', max_size=8)
GRIDS = st.integers(2, 4).flatmap(
    lambda n: st.tuples(
        st.lists(LETTERS, min_size=n, max_size=n),
        st.lists(st.lists(CELLS.map(lambda c: f"x{c}"), min_size=n, max_size=n), min_size=1, max_size=4),
    )
)


@given(GRIDS)
def test_what_is_written_is_read_again(table: tuple[list[str], list[list[str]]]) -> None:
    grid = Grid(tuple(table[0]), tuple(map(tuple, table[1])))
    assert read_table(write_table(grid, "markdown")) == grid
    rows: list[list[str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag == "tr":
                rows.append([])

        def handle_data(self, data: str) -> None:
            if data.strip():
                rows[-1].append(data)

    Reader().feed(write_table(grid, "html"))
    assert rows == [list(grid.header), *map(list, grid.rows)]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        table = read_table(text)
    except InputError:
        return
    assert all(len(row) == len(table.header) > 1 for row in table.rows)
