"""Good files load to the specs that they describe, by name, path or text."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from rebut.errors import InputError
from rebut.graphs import keys
from rebut.graphs.diagnostics import WorkflowInvalid
from rebut.graphs.expressions import Expression, parse
from rebut.graphs.loader import check, checks_of, find, load, loads, names
from rebut.graphs.spec import AskNode, Fork, SampleNode, Save, ScoreNode, SetNode, VoteNode, WorkflowSpec

GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))


def good(name: str) -> WorkflowSpec:
    return load(Path(__file__).parent / "good" / f"{name}.yaml")


def one(node: str, *, agents: str = "{writer: solver}", tail: str = "answer: out", more: str = "") -> str:
    return (
        f"name: one\n{more}agents: {agents}\nnodes:\n  write: {{{node}}}\n"
        f"edges: {{start: write, write: end}}\n{tail}\n"
    )


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_loads_without_a_word(path: Path, book: object) -> None:
    assert check(path, roles=book) == []  # type: ignore[arg-type]
    assert check(path) == []
    assert load(path, roles=book).path == str(path)  # type: ignore[arg-type]


def test_there_are_enough_good_files() -> None:
    assert len(GOOD) >= 8


@pytest.mark.parametrize("name", names())
def test_the_library_loads_without_an_error(name: str) -> None:
    assert [p for p in check(name) if p.severity == "error"] == []
    assert load(name).name == name


def test_the_debate_is_read_as_it_is_written() -> None:
    spec = good("debate")
    assert spec.title.startswith("Two debaters")
    assert spec.inputs == ("question",)
    assert (spec.params["rounds"].default, spec.params["rounds"].min, spec.params["rounds"].max) == (3, 1, 10)
    assert spec.agents["affirmative"].facts == {"stance": "affirmative"}
    assert spec.agents["judge"].temperature == 0
    settle = spec.nodes["settle"]
    assert isinstance(settle, AskNode) and (settle.agent, settle.mode) == ("judge", "settle")
    assert spec.nodes["affirm"].save == Save("arguments", append=True)  # type: ignore[union-attr]
    edges = spec.edges["weigh"]
    assert not isinstance(edges, Fork)
    assert [(e.when and e.when.source, e.to) for e in edges] == [
        ("verdict.decided", "end"),
        ("visits.weigh < params.rounds", "affirm"),
        (None, "settle"),
    ]
    assert spec.answer == parse("verdict.answer") and spec.fallback == parse("majority(arguments)")


def test_every_kind_of_node_takes_its_keys() -> None:
    spec = good("magicore")
    solve, grade, refine = spec.nodes["solve"], spec.nodes["grade"], spec.nodes["refine"]
    assess, tally = spec.nodes["assess"], spec.nodes["tally"]
    assert isinstance(solve, SampleNode) and solve.n == parse("params.k")
    assert isinstance(grade, ScoreNode) and grade.by == ("outcome", "steps") and set(grade.when) == {"steps"}
    assert isinstance(refine, AskNode) and refine.quorum == 0
    assert refine.for_each == {"draft": parse("chains"), "critique": parse("critiques")}
    assert isinstance(assess, SetNode) and [save.name for save, _ in assess.values] == ["ballot", "hard"]
    assert isinstance(tally, VoteNode) and (tally.rule, tally.tie) == ("weighted", "weight")
    assert (
        spec.budget is not None and spec.budget.calls == parse("20 * params.k") and spec.budget.seconds == 600
    )


def test_a_merged_node_keeps_what_it_does_not_say_anew() -> None:
    grade, regrade = good("magicore").nodes["grade"], good("magicore").nodes["regrade"]
    assert isinstance(grade, ScoreNode) and isinstance(regrade, ScoreNode)
    assert (regrade.by, regrade.total) == (grade.by, grade.total)
    assert (regrade.items.source, regrade.save) == ("compact(refined)", Save("refined"))


def test_numbers_may_be_expressions_with_or_without_a_sign() -> None:
    spec = good("adaptive")
    draw = spec.nodes["draw"]
    assert isinstance(draw, SampleNode)
    assert (draw.n, draw.wave, draw.timeout) == (parse("params.n"), parse("4"), 60)
    assert draw.logprobs == parse("params.weigh")
    assert draw.budget is not None and (draw.budget.calls, draw.budget.usd) == (parse("params.n"), 0.5)
    plain = loads(one("sample: writer, n: 5, save: out"))
    assert plain.nodes["write"].n == 5  # type: ignore[union-attr]


def test_forks_find_where_their_branches_meet() -> None:
    assert good("fork").edges["frame"] == Fork(to=("one", "two", "three"), join="tally")
    nested = good("nested_forks").edges
    assert nested["start"] == Fork(to=("a", "b"), join="met")
    assert nested["b"] == Fork(to=("b1", "b2"), join="b_met")
    assert nested["met"] == Fork(to=("log_one", "log_two"), join="end")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("0o17", 15),
        ("017", 17),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("'7'", "7"),
        ("null", None),
        ("==5", "=5"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("=params.x", parse("params.x")),
        ("'= 1 + 1'", parse(" 1 + 1")),
    ],
)
def test_facts_are_literals_by_yaml_1_2_or_expressions(written: str, value: object) -> None:
    spec = loads(
        one(
            "set: {out: '1'}",
            agents=f"{{writer: {{role: solver, fact: {written}}}}}",
            more="params: {x: 1}\n",
        )
    )
    assert spec.agents["writer"].facts["fact"] == value


def test_params_take_short_and_long_forms() -> None:
    more = "params: {a: 1, b: [x, y], c: {default: null}, d: {default: x, choices: [x, y], help: 'a, b'}}\n"
    params = loads(one("set: {out: '1'}", more=more)).params
    assert [p.default for p in params.values()] == [1, ["x", "y"], None, "x"]
    assert (params["d"].choices, params["d"].help) == (("x", "y"), "a, b")


def test_for_each_names_its_item() -> None:
    spec = loads(one("ask: writer, for_each: '[1, 2]', save: out", tail="answer: majority(out)"))
    assert spec.nodes["write"].for_each == {"item": parse("[1, 2]")}  # type: ignore[union-attr]


def test_an_appended_name_is_an_empty_list_before_it_is_written() -> None:
    text = one("ask: writer, with: {seen: =out}, save: out+", tail="answer: majority(out)")
    assert isinstance(loads(text).answer, Expression)


def test_names_paths_and_text_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find("debate").name == "debate.yaml"
    mine = tmp_path / "debate"
    mine.write_text(one("set: {out: '1'}"))
    assert find(mine) == mine
    monkeypatch.chdir(tmp_path)
    assert find("debate").suffix == ".yaml"
    assert find("./debate").resolve() == mine
    with pytest.raises(InputError, match="did you mean 'debate'"):
        find("debte")
    with pytest.raises(InputError, match="no such workflow file"):
        find("nowhere/x.yaml")
    with pytest.raises(InputError, match="no such workflow file"):
        find(tmp_path)


def test_weights_that_name_the_winning_voter_are_not_idle() -> None:
    text = one("vote: drafts, weights: item.confidence, save: out", more="inputs: [drafts]\n")
    assert [p.code for p in checks_of(text)] == ["unused", "unused"]
    named = text.replace("answer: out", "answer: drafts[out.winner]")
    assert [p.message for p in checks_of(named)] == ["agent 'writer' is never asked"]


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        load(tmp_path / "latin.yaml")
    (tmp_path / "huge.yaml").write_text("#" * 5_000_000)
    with pytest.raises(InputError, match="too large"):
        load(tmp_path / "huge.yaml")
    assert [p.code for p in checks_of("#" * 1_000_001)] == ["too-large"]
    assert [p.code for p in checks_of("name: '\ud800'")] == ["yaml"]


def test_a_byte_order_mark_and_windows_lines_do_no_harm() -> None:
    text = "\ufeff" + one("set: {out: wrong}").replace("\n", "\r\n")
    [problem] = checks_of(text)
    assert problem.span is not None
    assert (problem.code, problem.span.line, problem.span.column) == ("unknown-name", 4, 22)
    assert problem.line.endswith("out: wrong}}")


def test_all_problems_come_at_once_and_in_order() -> None:
    text = one("ask: writr, save: out, x: 1", tail="answer: ot\nfalback: 1")
    with pytest.raises(WorkflowInvalid) as caught:
        loads(text, "f.yaml")
    assert [p.code for p in caught.value.diagnostics] == [
        "unknown-agent",
        "unknown-key",
        "unknown-name",
        "unknown-key",
    ]
    assert str(caught.value).endswith("4 errors")


def test_words_of_votes_and_kinds_are_those_that_agents_know() -> None:
    from rebut.agents.answers.kinds import KINDS
    from rebut.agents.ballots import RULES as ELECTIONS
    from rebut.agents.voting import RULES, TIES

    assert (keys.KINDS, keys.RULES, keys.TIES, keys.ELECTIONS) == (KINDS, RULES, TIES, ELECTIONS)


def test_a_wide_file_is_checked_in_reasonable_time() -> None:
    nodes = "\n".join(f"  n{i}: {{set: {{x{i}: '{i}'}}}}" for i in range(600))
    edges = "\n".join(
        f"  n{i}: [{{when: visits.n{i} < 3, to: n{i * 7 % 600}}}, {{to: n{i + 1}}}]" for i in range(599)
    )
    text = f"name: wide\nnodes:\n{nodes}\nedges:\n  start: n0\n{edges}\n  n599: end\nanswer: x0 + x599\n"
    before = process_time()
    assert checks_of(text) == []
    assert process_time() - before < 10  # 0.4 s where it was written; a quadratic check takes minutes


NEAR = {
    "my_method": "unknown workflow: 'my_method' (did you mean './my_method.yaml'?)",
    "old": "unknown workflow: 'old' (did you mean './old.yml'?)",
    "old.yaml": "no such workflow file: 'old.yaml' (did you mean './old.yml'?)",
    "my_metod.yaml": "no such workflow file: 'my_metod.yaml' (did you mean './my_method.yaml'?)",
    "flows/deep": "no such workflow file: 'flows/deep' (did you mean 'flows/deep.yaml'?)",
    "flows/": "no such workflow file: 'flows/' (possible: flows/deep.yaml)",
    "flows": "unknown workflow: 'flows' (possible: flows/deep.yaml)",
    "none.yaml": "no such workflow file: 'none.yaml'",
    "x" * 5000: "unknown workflow: 'xxx",
    "selfrefine": "unknown workflow: 'selfrefine' (did you mean 'self-refine'?)",
}


@pytest.mark.parametrize(("ref", "said"), NEAR.items(), ids=[ref[:20] for ref in NEAR])
def test_a_file_of_nearly_that_name_is_pointed_at(
    ref: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows").mkdir()
    for name in ("my_method.yaml", "old.yml", "flows/deep.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as wrong:
        find(ref)
    assert str(wrong.value).startswith(said)
    assert find("./my_method.yaml").samefile("my_method.yaml")
