"""Items of data files: what does not fit is named by row and field before anything is asked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebut.errors import InputError
from rebut.scenarios.items import Item, ItemsInvalid, items_of, look
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
        (
            'question,answer\n"a,b\n',
            "d.csv",
            "d.csv: not a table of cells after line 1: unexpected end of data",
        ),
        (b"question,answer\n\xff,b\n", "d.csv", "d.csv:2: not UTF-8 (byte 1 of the line is 0xff)"),
        (
            "question;answer\na;b\n",
            "d.csv",
            "d.csv: there is only one column, 'question;answer'; are its cells separated by ';'? say so: "
            'data: {separator: ";"}',
        ),
        ("a,b\n".encode("utf-16"), "d.csv", "d.csv: the text is UTF-16: save it as UTF-8"),
        (
            "[\n{}]",
            "data.jsonl",
            "data.jsonl: one JSON object a line is needed (a JSON array? call the file .json)",
        ),
        ("{\n}", "data.jsonl", "data.jsonl: one JSON object a line is needed, not one over several lines"),
        (
            "{}\n{}",
            "d.json",
            "d.json: not JSON: Extra data: line 2 column 1 (char 3) (JSON lines? call the file .jsonl)",
        ),
        ('{"data": []}', "d.json", "d.json: an array of objects is needed, not dict"),
        ("x", "d.jsonl.gz", "d.jsonl.gz: not a whole gzip file: Not a gzipped file (b'x')"),
        (
            "x",
            "d.xlsx",
            "data file 'd.xlsx' is of no known form (possible: .jsonl, .ndjson, .json, .csv, .tsv, .parquet; "
            "all but .parquet with .gz too)",
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


def test_bad_bytes_in_a_row_are_named_by_row(scenario: Make) -> None:
    rows = b'{"question": "a?", "answer": 1}\n{"question": "b\xff", "answer": 2}\n'
    assert wrong(scenario(rows)) == ["data.jsonl:2: not UTF-8 (byte 16 of the row is 0xff)"]


def test_an_array_and_compressed_files_are_read_like_lines(scenario: Make) -> None:
    records = [{"question": f"{i}?", "answer": i} for i in range(3)]
    plain = items_of(scenario(records))
    assert items_of(scenario(json.dumps(records), name="d.json")) == plain
    lines = "\ufeff" + "\n".join(map(json.dumps, records))
    assert items_of(scenario(gzip.compress(lines.encode()), name="d.jsonl.gz")) == plain
    table = "question,answer\n" + "".join(f"{i}?,{i}\n" for i in range(3))
    packed = items_of(scenario(gzip.compress(table.encode()), name="d.csv.gz"))
    assert [(item.inputs, item.gold) for item in packed] == [(item.inputs, item.gold) for item in plain]
    half = gzip.compress(lines.encode())[:-12]
    assert wrong(scenario(half, name="d.jsonl.gz"))[0].startswith("d.jsonl.gz: not a whole gzip file: ")


def test_several_files_are_one_set_and_their_rows_keep_their_file(scenario: Make, tmp_path: Path) -> None:
    spec = scenario([{"question": "a?", "answer": 1}, {"question": "b?", "answer": 2}], name="a.jsonl")
    (tmp_path / "b.csv").write_text("question,answer\nc?,3\n")
    for said in ("[a.jsonl, b.csv]", "'?.*'"):
        several = loads(spec.source.replace("a.jsonl", said), str(spec.path))
        assert [item.id for item in items_of(several)] == ["a.jsonl:1", "a.jsonl:2", "b.csv:2"]
    (tmp_path / "b.csv").write_text("question,answer\n,3\na?,4\n")
    assert wrong(several) == ["b.csv:2: field 'question': a text is needed, not an empty text"]
    assert wrong(loads(spec.source.replace("a.jsonl", "'z*.csv'"), str(spec.path))) == [
        "no data file is called 'z*.csv'"
    ]


@pytest.mark.parametrize("pattern", ["'part*.csv'", "'part?.csv'", "'part[12].csv'"])
def test_rows_of_a_pattern_keep_their_ids_when_another_file_comes(
    scenario: Make, tmp_path: Path, pattern: str
) -> None:
    spec = scenario("question,answer\na?,1\n", name="part1.csv")
    plain = [item.id for item in items_of(spec)]
    spec = loads(spec.source.replace("part1.csv", pattern), str(spec.path))
    assert (plain, [item.id for item in items_of(spec)]) == (["2"], ["part1.csv:2"])
    (tmp_path / "part2.csv").write_text("question,answer\nb?,2\n")
    assert [item.id for item in items_of(spec)] == ["part1.csv:2", "part2.csv:2"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_plain_file(scenario: Make, tmp_path: Path) -> None:
    spec = scenario("question,answer\na?,1\n,2\n", name="part.csv")
    (tmp_path / "part.csv").rename(tmp_path / "part[1].csv")
    spec = loads(spec.source.replace("part.csv", "'part[1].csv'"), str(spec.path))
    assert wrong(spec) == ["part[1].csv:3: field 'question': a text is needed, not an empty text"]
    assert [item.id for item in items_of(spec, limit=1)] == ["2"]


def test_separators_can_be_said(scenario: Make) -> None:
    spec = scenario("question;answer\na?;1,5\n", name="d.csv")
    spec = loads(spec.source.replace("d.csv}", 'd.csv, separator: ";"}'), str(spec.path))
    assert items_of(spec)[0].gold == ("1,5",)


def test_dotted_paths_lead_into_objects_and_lists(scenario: Make) -> None:
    record = {"q": {"text": "a?"}, "answers": [{"text": "Nile"}, {"text": "the Nile"}], "a.b": "g"}
    spec = scenario([record], "fields: {question: q.text, answer: answers.text, group: a.b}")
    assert items_of(spec) == [Item(id="1", inputs={"question": "a?"}, gold=("Nile", "the Nile"), group="g")]
    assert wrong(loads(spec.source.replace("answers.text", "answers.7"), str(spec.path)))[0].startswith(
        "data.jsonl:1: no field 'answers.7' for 'answer'"
    )


def test_an_answer_unlike_all_others_is_named_with_its_row(scenario: Make) -> None:
    records = [{"question": f"{i}?", "answer": i} for i in range(60)]
    records[56]["answer"] = "very many"
    (said,) = wrong(scenario(records))
    assert said == (
        "data.jsonl:57: field 'answer': the text 'very many' is a text, where 59 others are a number; "
        "say kind: text, or kind: auto if that is meant"
    )
    assert (
        len(items_of(scenario(records, "kind: auto"))) == len(items_of(scenario(records, "kind: text"))) == 60
    )


@pytest.mark.parametrize("answer", ["1.234,56", "about 3 or 4", "12:30", "NaN", "1 of 2", "--"])
def test_a_gold_that_is_not_one_number_does_not_pass_for_one(scenario: Make, answer: str) -> None:
    (said,) = wrong(scenario([{"question": "a?", "answer": answer}], "kind: number"))
    assert said.startswith(f"data.jsonl:1: field 'answer': the text {answer!r} is")


@pytest.mark.parametrize("answer", ["1,234.50", "$3", "-7", "3/4", "12 apples", "1e3", "50%"])
def test_numbers_as_people_write_them_do(scenario: Make, answer: str) -> None:
    assert items_of(scenario([{"question": "a?", "answer": answer}], "kind: number"))[0].gold == (answer,)


@pytest.mark.parametrize("kind", ["number", "auto"])
def test_a_whole_solution_for_a_gold_is_taken_by_what_it_states(scenario: Make, kind: str) -> None:
    solution = "48 / 2 = <<48/2=24>>24 in May.\n48 + 24 = <<48+24=72>>72 in both.\n#### 72"
    assert items_of(scenario([{"question": "a?", "answer": solution}], f"kind: {kind}"))[0].gold == ("72",)


def test_values_that_are_none_are_named(scenario: Make) -> None:
    asked = ('"a?", "answer": NaN', 'Infinity, "answer": 1', 'true, "answer": 1')
    text = "\n".join(f'{{"question": {one}}}' for one in asked)
    assert wrong(scenario(text)) == [
        "data.jsonl:1: field 'answer': an answer is needed, not NaN",
        "data.jsonl:2: field 'question': a text is needed, not an infinite number",
        "data.jsonl:3: field 'question': a text is needed, not true or false",
    ]


CHOICES = ("kind: choice", "fields: {choices: options}")


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["red", "blue"], "B"),
        (["red", "blue"], "(b)"),
        (["red", "blue"], 1),
        (["red", "blue"], "Blue."),
        ({"label": ["1", "2"], "text": ["red", "blue"]}, "blue"),
        ({"A": "red", "B": "blue"}, "B"),
    ],
)
def test_choices_are_shown_and_the_right_one_is_found(scenario: Make, options: Any, answer: Any) -> None:
    (item,) = items_of(scenario([{"question": "Which?", "options": options, "answer": answer}], *CHOICES))
    assert (item.inputs["question"], item.gold) == ("Which?\n\nA. red\nB. blue", ("B",))


LABELLED = {"label": ["C", "A", "B"], "text": ["cat", "ant", "bee"]}
NUMBERED = {"label": ["1", "2", "3", "4"], "text": ["ant", "bee", "cat", "dog"]}


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        (LABELLED, "C", "cat"),
        (LABELLED, "(b).", "bee"),
        (LABELLED, "B. bee", "bee"),
        (LABELLED, "ant", "ant"),
        ({"B": "bee", "A": "ant"}, "B", "bee"),
        (NUMBERED, "3", "cat"),
        (NUMBERED, 3, "cat"),
        ({"label": [0, 1], "text": ["ant", "bee"]}, 1, "bee"),
        ({"opa": "ant", "opb": "bee"}, "opb", "bee"),
        ({"opa": "ant", "opb": "bee"}, 1, "bee"),
        ({"opa": "ant", "opb": "bee"}, "B", "bee"),
        ({"text": ["ant", "bee"]}, "B", "bee"),
        (["0", "1", "2"], 2, "2"),
        (["1", "0", "2"], 1, "0"),
        (["1", "0", "2"], "1", "1"),
    ],
)
def test_the_labels_of_choices_go_before_letter_and_place(
    scenario: Make, options: Any, answer: Any, right: str
) -> None:
    (item,) = items_of(scenario([{"question": "Which?", "options": options, "answer": answer}], *CHOICES))
    assert f"\n{item.gold[0]}. {right}" in item.inputs["question"]


def test_an_answer_that_fits_two_choices_in_two_ways_is_refused(scenario: Make) -> None:
    two_ways = [
        (["B", "A"], "B"),
        ({"label": ["1", "2"], "text": ["2", "1"]}, "1"),
        ({"label": ["1", "2"], "text": ["2", "1"]}, 1),
        (NUMBERED, 0),
        (NUMBERED, "C"),
        ({"label": ["a", "A"], "text": ["ant", "bee"]}, "a"),
        ({"label": ["a"], "text": ["ant", "bee"]}, "a"),
        ({"label": "ab", "text": ["ant", "bee"]}, "a"),
        ({"label": ["a", None], "text": ["ant", "bee"]}, "a"),
    ]
    records = [{"question": f"{i}?", "options": o, "answer": a} for i, (o, a) in enumerate(two_ways)]
    assert [
        line.partition("field ")[2] for line in wrong(scenario(records, *CHOICES)) if "opt" not in line
    ] == [
        "'answer': 'B' is the letter of one choice and the text of another",
        "'answer': '1' is the label of one choice and the text of another",
        "'answer': '1' is the label of one choice and the text of another",
        "'answer': 0 is none of the 4 choices (1, 2, 3, 4)",
        "'answer': the text 'C' is none of the 4 choices (1, 2, 3, 4)",
    ]
    assert [line.partition("field ")[2] for line in wrong(scenario(records, *CHOICES)) if "opt" in line] == [
        "'options': two choices have the label 'A'",
        "'options': 2 choices need as many labels, not 1",
        "'options': a list of labels is needed, not the text 'ab'",
        "'options': a label is a text or number, not nothing",
    ]


def test_an_answer_outside_of_the_choices_is_named(scenario: Make) -> None:
    row: dict[str, Any] = {"question": "Which?", "options": ["red", "blue"]}
    records = [row | {"answer": answer} for answer in ("E", 2, "green", True)]
    records += [
        {"question": "a?", "options": options, "answer": "A"} for options in ("red", ["red"], ["a", None])
    ]
    assert [line.partition("field ")[2] for line in wrong(scenario(records, *CHOICES))] == [
        "'answer': the text 'E' is none of the 2 choices (A to B)",
        "'answer': 2 is no place of the 2 choices (0 to 1)",
        "'answer': the text 'green' is none of the 2 choices (A to B)",
        "'answer': true or false is none of the 2 choices (A to B)",
        "'options': a list of choices is needed, not the text 'red'",
        "'options': 2 to 26 choices are needed, not 1",
        "'options': a choice is a text, not nothing",
    ]
    shown = {"question": "Which?\n(A) red\n(B) blue", "answer": "(C)"}
    assert wrong(scenario([shown], "kind: choice")) == [
        "data.jsonl:1: field 'answer': the text '(C)' is none of the choices that the question shows"
    ]


def test_a_question_that_was_there_before_is_doubted_and_kept(scenario: Make) -> None:
    found = look(scenario([{"question": "a?", "answer": 1}, {"question": "b?", "answer": 2}] * 2))
    assert len(found.items) == 4
    assert found.warnings == [
        "data.jsonl:3: it asks the same as row 1",
        "data.jsonl:4: it asks the same as row 2",
    ]


def test_a_mapped_field_that_nobody_asks_for_is_a_slip(scenario: Make) -> None:
    spec = scenario([{"question": "a?", "gold": 1}], "fields: {anwser: gold}")
    assert wrong(spec) == ["fields: no workflow asks for 'anwser' (did you mean 'answer'?)"]


def test_tests_and_expressions_for_golds_are_read_before_they_are_needed(scenario: Make) -> None:
    rows = [
        {"question": "a?", "answer": gold} for gold in (["assert f(1) == 2", "assert f(2)"], "f(", "x = 1")
    ]
    assert wrong(scenario(rows, "check: tests")) == [
        "data.jsonl:2: field 'answer': the tests are no Python: '(' was never closed",
        "data.jsonl:3: field 'answer': the tests assert nothing",
    ]
    assert items_of(scenario(rows[:1], "check: tests"))[0].gold == ("assert f(1) == 2\nassert f(2)",)
    sums = [{"question": "a?", "answer": gold} for gold in ("(1 + 2) * 8", "1 +", "24 = x")]
    assert [line.partition("no ")[2] for line in wrong(scenario(sums, "check: expression"))] == [
        "expression: it ends too soon",
        "expression: what is 'x'?",
    ]


def test_what_is_held_in_memory_has_an_end(scenario: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebut.scenarios.items.HELD", 100)
    assert wrong(scenario([{"question": "a" * 60, "answer": i} for i in range(2)])) == [
        "data.jsonl:2: more than 100 characters of inputs (set data.limit)"
    ]


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
