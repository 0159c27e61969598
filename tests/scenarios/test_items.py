"""Items of data files: what does not fit is named by row and field before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebut.errors import InputError
from rebut.scenarios.items import Item, ItemsInvalid, items_of
from rebut.scenarios.loader import loads
from rebut.scenarios.spec import ScenarioSpec

Make = Callable[..., ScenarioSpec]


@pytest.fixture
def scenario(tmp_path: Path) -> Make:
    """Writes a data file, and gives a scenario of it."""

    def make(content: str | bytes | list[Any], *more: str, name: str = "data.jsonl") -> ScenarioSpec:
        if isinstance(content, list):
            content = "\n".join(json.dumps(record) for record in content)
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        lines = ["name: s", f"data: {{file: {name}}}", "workflows: [self-consistency]", *more]
        return loads("\n".join(lines), str(tmp_path / "s.yaml"))

    return make


def wrong(spec: ScenarioSpec) -> list[str]:
    with pytest.raises(InputError) as error:
        items_of(spec)
    return str(error.value).splitlines()


def test_rows_become_items(scenario: Make) -> None:
    records = [
        {"id": "a", "question": "1+1?", "answer": 2},
        {"id": "b", "question": "2+2?", "answer": ["4", "four"]},
    ]
    assert items_of(scenario(records)) == [
        Item(id="a", inputs={"question": "1+1?"}, gold=("2",)),
        Item(id="b", inputs={"question": "2+2?"}, gold=("4", "four")),
    ]


def test_fields_are_mapped_and_rows_without_an_id_are_numbered(scenario: Make) -> None:
    spec = scenario(
        [{"q": "x?", "gold": True, "t": "one"}],
        "fields: {question: q, answer: gold, group: t}",
        "kind: yesno",
    )
    assert items_of(spec) == [Item(id="1", inputs={"question": "x?"}, gold=("yes",), group="one")]


@pytest.mark.parametrize(("name", "mark"), [("d.csv", ","), ("d.tsv", "\t")])
def test_a_table_is_read_with_its_quotes_and_line_breaks(scenario: Make, name: str, mark: str) -> None:
    text = f'\ufeffquestion{mark}answer\r\n"a{mark} ""b""\nand c?"{mark}7\r\n'
    (item,) = items_of(scenario(text, name=name))
    assert (item.inputs["question"], item.gold) == (f'a{mark} "b"\nand c?', ("7",))


def test_a_wrong_column_is_named_once_with_what_was_meant(scenario: Make) -> None:
    records = [{"question": f"{i}?", "anwser": "1"} for i in range(50)]
    first, more = wrong(scenario(records))
    assert first == (
        "data.jsonl:1: no field 'answer' for 'answer' (did you mean 'anwser'?); map it with `fields`"
    )
    assert more == "and 49 more" or more.startswith("and ")


def test_every_kind_of_misfit_is_named_by_row_and_field(scenario: Make) -> None:
    records = [
        {"id": 1, "question": "x?", "answer": "12"},
        {"id": 1, "question": "y?", "answer": "13"},
        {"id": 2, "question": ["a"], "answer": "1"},
        {"id": 3, "question": "z?", "answer": "very many"},
        {"id": 4, "question": "z?", "answer": None},
        {"id": [], "question": "  ", "answer": []},
    ]
    assert wrong(scenario(records, "kind: number")) == [
        "data.jsonl:2: field 'id': '1' is the id of row 1 too",
        "data.jsonl:3: field 'question': a text is needed, not a list",
        "data.jsonl:4: field 'answer': the text 'very many' is no answer of kind 'number'",
        "data.jsonl:5: field 'answer': an answer is needed, not nothing",
        "data.jsonl:6: field 'question': a text is needed, not an empty text",
        "data.jsonl:6: field 'answer': the list of accepted answers is empty",
        "data.jsonl:6: field 'id': a text or number is needed, not a list",
    ]


def test_lines_that_are_no_objects_are_named(scenario: Make) -> None:
    first, second, third = wrong(
        scenario('{"question": "a?", "answer": 1}\n[1]\n{"question": \n' + "[" * 100_000)
    )
    assert first == "data.jsonl:2: a JSON object is needed, not list"
    assert second.startswith("data.jsonl:3: not JSON") and third.startswith("data.jsonl:4: not JSON")


def test_half_a_character_is_named_before_it_can_end_a_run(scenario: Make) -> None:
    row = '{"question": "a \\uD83D?", "answer": 1}'
    assert wrong(scenario(row)) == ["data.jsonl:1: half a character ('\\ud83d'): not Unicode"]
    whole = items_of(scenario('{"question": "a \\ud83d\\ude00?", "answer": 1}'))
    assert whole[0].inputs["question"] == "a \N{GRINNING FACE}?"


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("", "data.jsonl", "data.jsonl: there are no items"),
        ("\n\n", "data.jsonl", "data.jsonl: there are no items"),
        ("question,answer\n", "d.csv", "d.csv: there are no items"),
        ("question,question\na,b\n", "d.csv", "d.csv: two columns are called 'question'"),
        ("question,answer\na,b,c\n", "d.csv", "d.csv:2: more cells than the 2 columns"),
        ("question,answer\na\n", "d.csv", "d.csv:2: fewer cells than the 2 columns"),
        ('question,answer\n"a,b\n', "d.csv", "d.csv: not a table of cells: unexpected end of data"),
        (b"question,answer\n\xff,b\n", "d.csv", "d.csv: not UTF-8 (byte 16)"),
        (
            "x",
            "d.parquet",
            "data file 'd.parquet' is of no known form (possible: .jsonl, .ndjson, .csv, .tsv)",
        ),
    ],
)
def test_files_that_cannot_be_read_say_why(
    scenario: Make, content: str | bytes, name: str, says: str
) -> None:
    assert wrong(scenario(content, name=name)) == [says]


def test_a_missing_file_is_named_with_one_that_is_there(scenario: Make, tmp_path: Path) -> None:
    spec = scenario([{"question": "a?", "answer": 1}])
    (tmp_path / "data.jsonl").rename(tmp_path / "dato.jsonl")
    assert wrong(spec) == ["no data file 'data.jsonl' (did you mean 'dato.jsonl'?)"]


def test_a_limit_leaves_the_rest_of_a_file_unread(scenario: Make) -> None:
    lines = [json.dumps({"question": f"{i}?", "answer": i}) for i in range(3)] + ["this is no JSON"] * 9
    spec = scenario("\n".join(lines))
    assert len(wrong(spec)) == 9
    limited = loads(spec.source.replace("data.jsonl}", "data.jsonl, limit: 3}"), str(spec.path))
    assert [item.id for item in items_of(limited)] == ["1", "2", "3"]


def test_a_workflow_that_needs_more_than_a_question_gets_its_inputs(scenario: Make) -> None:
    spec = scenario([{"question": "a?", "text": "the source", "answer": 1}], "fields: {source: text}")
    (item,) = items_of(spec, frozenset({"question", "source"}))
    assert item.inputs == {"question": "a?", "source": "the source"}


def test_many_problems_are_counted(scenario: Make) -> None:
    said = wrong(scenario([{"question": "", "answer": 1}] * 1000))
    assert len(said) == 11 and said[-1] == "and 990 more"


def test_what_does_not_fit_is_the_users_to_mend(scenario: Make) -> None:
    with pytest.raises(ItemsInvalid):
        items_of(scenario([{"question": "a?"}]))
