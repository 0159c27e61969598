"""Whole runs from the command line: asked, kept, shown, resumed, replayed, moved; all offline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from rebut.models.scripted import ScriptedBackend
from rebut.models.wire import Completion, Request, Response, Sink
from rebut.records import Usage

Cli = Callable[..., Result]

SCRIPT = """
rules:
  - when: {any: "(?i)fails"}
    error: refused
  - when: {any: "(?i)nothing to say"}
    say: I would rather not.
  - say: "It must be 42 \\e]0;owned\\a\\e[31m.\\n\\nANSWER: 42"
"""


@pytest.fixture(autouse=True)
def script(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every model is a script that knows one answer."""
    path = home / "s.yaml"
    path.write_text(SCRIPT)
    monkeypatch.setenv("REBUT_MODEL", "scripted/s.yaml")
    return path


@pytest.fixture
def asked(cli: Cli) -> str:
    """The id of a run in the store."""
    return str(json.loads(cli("run", "self-consistency", "6 * 7?", "--json").stdout)["run"])


def test_the_answer_is_alone_on_stdout_and_the_run_on_stderr(cli: Cli) -> None:
    told = cli("run", "self-consistency", "6 * 7?", "-p", "samples=3")
    assert (told.exit_code, told.stdout) == (0, "42\n")
    lines = told.stderr.splitlines()
    assert lines[0] == "self-consistency: 6 * 7?"
    assert sum("solver" in line and "It must be 42" in line for line in lines) == 3
    assert any("majority vote of 3: 42 100%" in line for line in lines)
    assert re.fullmatch(r"answered \(3 calls, .* tokens, .*s\)", lines[-2])
    assert lines[-1].startswith("rebut show ")
    assert "\x1b" not in told.stderr


def test_quiet_says_nothing_but_the_answer(cli: Cli) -> None:
    told = cli("run", "self-consistency", "6 * 7?", "-q")
    assert (told.stdout, told.stderr) == ("42\n", "")


def test_the_question_may_be_piped_in(cli: Cli) -> None:
    told = cli("run", "self-consistency", "-q", stdin="6 * 7?\n")
    assert told.stdout == "42\n"
    assert json.loads(cli("runs", "--json").stdout)[0]["input"] == {"question": "6 * 7?"}


def test_the_result_as_one_json_object(cli: Cli) -> None:
    data = json.loads(cli("run", "self-consistency", "6 * 7?", "--json", "-q", "--seed", "7").stdout)
    assert data["answer"] == "42" and data["stop_reason"] == "answered"
    assert data["usage"]["calls"] == 5 and data["state"]["ballot"]["share"] == 1.0


def test_events_as_json_lines_are_what_the_store_keeps(cli: Cli) -> None:
    lines = cli("run", "self-consistency", "6 * 7?", "--events", "-q").stdout.splitlines()
    kept = json.loads(cli("show", "last", "--json").stdout)["events"]
    assert [json.loads(line) for line in lines] == kept
    assert [event["seq"] for event in kept] == list(range(len(kept)))


def test_a_budget_gives_the_best_answer_so_far_and_exit_3(cli: Cli) -> None:
    told = cli("run", "self-refine", "6 * 7?", "--budget", "calls=1", "-q")
    assert (told.exit_code, told.stdout) == (3, "42\n")
    assert told.stderr == "best answer so far: budget spent: calls limit of 1 (run)\n"


def test_without_an_answer_the_exit_code_is_4(cli: Cli) -> None:
    told = cli("run", "self-consistency", "Nothing to say?", "--kind", "number", "-q")
    assert (told.exit_code, told.stdout) == (4, "")
    assert told.stderr.startswith(("no answer: ", "error: quorum"))


def test_a_model_that_refuses_is_an_error_that_can_be_resumed(cli: Cli) -> None:
    told = cli("run", "self-refine", "This fails", "-q")
    assert told.exit_code == 2 and told.stdout == ""
    run = json.loads(cli("runs", "--json").stdout)[0]
    assert run["status"] == "failed"
    assert f"to go on from there: rebut resume {run['run']}" in told.stderr


WRONG = {
    "workflow": (["self-consistancy", "q"], "did you mean 'self-consistency'?"),
    "file": (["none.yaml", "q"], "no such workflow file: 'none.yaml'"),
    "parameter": (["debate", "q", "-p", "round=2"], "did you mean 'rounds'?"),
    "bound": (["debate", "q", "-p", "rounds=99"], "parameter 'rounds' must be at most 10, it is 99"),
    "type": (["debate", "q", "-p", "rounds=many"], "parameter 'rounds' must be a whole number, it is 'many'"),
    "role": (["debate", "q", "-m", "jugde=local/x"], "did you mean 'judge'?"),
    "kind": (["debate", "q", "--kind", "nunber"], "did you mean 'number'?"),
    "budget": (["debate", "q", "--budget", "cals=3"], "did you mean 'calls'?"),
    "provider": (["debate", "q", "-m", "scriptd/x"], "did you mean 'scripted'?"),
    "input": (["debate", "q", "-i", "code=x"], "no input 'code'"),
    "no question": (["debate"], "the question is empty"),
    "store": (["debate", "q", "--store", "nosuch://x"], "nosuch"),
}


@pytest.mark.parametrize(("args", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_before_anything_is_paid(args: list[str], message: str, cli: Cli) -> None:
    told = cli("run", *args)
    assert told.exit_code == 2
    assert message in told.stderr and "Traceback" not in told.stderr
    assert told.stdout == ""
    assert all(run["usage"]["calls"] == 0 for run in json.loads(cli("runs", "--json").stdout))


def test_a_broken_workflow_is_reported_with_its_line(cli: Cli, home: Path) -> None:
    (home / "w.yaml").write_text("name: w\nnods: {}\n")
    told = cli("run", "w.yaml", "q")
    assert told.exit_code == 2
    assert "w.yaml:2:1: error: " in told.stderr and "^^^^" in told.stderr
    assert not told.stderr.startswith("error:")


def test_a_prompt_that_fails_is_named_in_short_and_found_by_its_path(cli: Cli, home: Path) -> None:
    prompt = '---\nabout: x\n---\n{% message "user" %}\n{{ question.nothing }}\n{% endmessage %}'
    (home / "roles" / "poet").mkdir(parents=True)
    (home / "roles" / "poet" / "default.j2").write_text(prompt)
    flow = "agents: {p: poet}\nnodes: {a: {ask: p, save: x}}\nedges: {start: a, a: end}\nanswer: x\n"
    (home / "w.yaml").write_text("name: w\n" + flow)
    told = cli("run", "w.yaml", "q", "-q")
    assert told.exit_code == 2 and "error: poet/default.j2:5: " in told.stderr
    assert "the file is " + str(Path("roles", "poet", "default.j2")) in told.stderr


def test_an_empty_store_says_how_to_begin(cli: Cli) -> None:
    assert "no runs yet; start one with: rebut run debate" in cli("runs").stderr
    assert cli("runs", "--json").stdout == "[]\n"
    assert cli("show", "last").stderr == "error: no runs yet\n"
    assert "every run has finished" in cli("resume", "--last").stderr


def test_runs_are_listed_latest_first(cli: Cli, asked: str) -> None:
    cli("run", "self-refine", "And\nthen?", "-q")
    heading, latest, before = cli("runs").stdout.splitlines()
    assert heading.split() == ["RUN", "WHEN", "WORKFLOW", "HOW", "CALLS", "QUESTION"]
    assert "self-refine" in latest and latest.endswith("And then?")
    assert before.startswith(asked) and "answered" in before
    assert len(cli("runs", "-n", "1").stdout.splitlines()) == 2


def test_a_run_is_shown_by_any_part_of_its_id_that_is_its_own(cli: Cli, asked: str) -> None:
    whole = cli("show", asked).stdout
    assert f"run {asked} (answered)" in whole and "It must be 42" in whole
    assert "100% ############" in whole and "\x1b" not in whole
    for part in (asked[:9], asked.partition("-")[2][:5], "last"):
        assert cli("show", part).stdout == whole


def test_a_run_that_is_not_there_is_an_error(cli: Cli, asked: str) -> None:
    for command in (["show"], ["resume"], ["export"], ["replay"]):
        told = cli(*command, "nosuch", *(["x"] if command == ["export"] else []))
        assert told.exit_code == 2 and "no run 'nosuch'" in told.stderr
    assert cli("show", "").exit_code == 2


def test_calls_show_what_was_sent_and_what_came_back(cli: Cli, asked: str) -> None:
    told = cli("show", asked, "--calls").stdout
    assert "[user]" in told and "6 * 7?" in told and "[answered, stop]" in told and "\x1b" not in told
    calls = json.loads(cli("show", asked, "--calls", "--json").stdout)["calls"]
    assert calls[0]["request"]["model"] == "scripted/s.yaml"


def test_a_run_moves_by_file_and_replays_without_a_model(
    cli: Cli, asked: str, home: Path, monkeypatch: pytest.MonkeyPatch, script: Path
) -> None:
    told = cli("export", asked[:9], "run.jsonl")
    assert told.stderr == f"wrote run {asked} to run.jsonl; replay with: rebut replay run.jsonl\n"
    script.unlink()
    monkeypatch.setenv("REBUT_HOME", str(home / "elsewhere"))
    replayed = cli("replay", "run.jsonl", "-q")
    assert (replayed.exit_code, replayed.stdout) == (0, "42\n")
    assert replayed.stderr == "the replay agrees with the record\n"
    assert f"took in run {asked}" in cli("import", "run.jsonl").stderr
    assert "It must be 42" in cli("show", "last").stdout
    assert cli("import", "run.jsonl").exit_code == 2


def test_an_export_does_not_overwrite_unasked(cli: Cli, asked: str, home: Path) -> None:
    (home / "x").write_text("mine")
    assert "x exists (--force overwrites it)" in cli("export", asked, "x").stderr
    assert (home / "x").read_text() == "mine"
    assert cli("export", asked, "x", "--force").exit_code == 0


def test_a_replay_that_differs_exits_1_and_shows_where(cli: Cli, asked: str, home: Path) -> None:
    cli("export", asked, "run.jsonl")
    lines = (home / "run.jsonl").read_text().splitlines()
    changed = [
        line.replace('"share":1.0', '"share":0.5') if "node.finished" in line else line for line in lines
    ]
    assert changed != lines
    (home / "run.jsonl").write_text("\n".join(changed) + "\n")
    told = cli("replay", "run.jsonl", "-q")
    assert told.exit_code == 1
    assert "the replay differs from the record:" in told.stderr
    assert any(line.startswith("-") and '"share":0.5' in line for line in told.stderr.splitlines())


@pytest.mark.parametrize("look", [(), ("--json",), ("--events",)])
def test_a_run_that_failed_replays_as_it_failed(look: tuple[str, ...], cli: Cli) -> None:
    cli("run", "self-refine", "This fails", "-q")
    told = cli("replay", "last", "-q", *look)
    ended, agrees = told.stderr.splitlines()
    assert told.exit_code == 0 and agrees == "the replay agrees with the record"
    assert ended.startswith("the run ended with: ") and "resume" not in told.stderr
    if look == ("--json",):
        said = json.loads(told.stdout)
        assert (said["answer"], said["stop_reason"]) == (None, "failed")
        assert ended.endswith(said["detail"]) and said["run"]


def test_a_replay_that_fails_otherwise_than_its_record_exits_1(cli: Cli, home: Path) -> None:
    cli("run", "self-refine", "This fails", "-q")
    cli("export", "last", "run.jsonl")
    lines = (home / "run.jsonl").read_text().splitlines()
    changed = [line.replace("failed", "failed once") if "run.finished" in line else line for line in lines]
    assert changed != lines
    (home / "run.jsonl").write_text("\n".join(changed) + "\n")
    told = cli("replay", "run.jsonl", "-q")
    assert told.exit_code == 1 and told.stderr.startswith("error: ")
    assert "the replay differs from the record:" in told.stderr and "resume" not in told.stderr


def test_a_file_that_is_no_run_is_an_error(cli: Cli, script: Path) -> None:
    for command in ("replay", "import"):
        told = cli(command, str(script))
        assert told.exit_code == 2 and "s.yaml" in told.stderr and "Traceback" not in told.stderr


def test_a_finished_run_is_not_resumed(cli: Cli, asked: str) -> None:
    told = cli("resume", asked)
    assert told.exit_code == 2 and "nothing to resume" in told.stderr
    assert cli("resume").exit_code == cli("resume", asked, "--last").exit_code == 2


def test_a_failed_run_goes_on_once_its_model_answers(cli: Cli, script: Path) -> None:
    cli("run", "self-refine", "This fails", "-q")
    review = """{when: accepted, say: '{"accepted": true, "text": ""}'}"""
    script.write_text(f"rules: [{review}, {{say: 'ANSWER: 43'}}]")
    told = cli("resume", "--last", "-q")
    assert (told.exit_code, told.stdout) == (0, "43\n")
    assert json.loads(cli("runs", "--json").stdout)[0]["stop_reason"] == "answered"


def test_without_a_store_nothing_is_kept(cli: Cli) -> None:
    told = cli("run", "self-consistency", "q", "--store", "none")
    assert told.stdout == "42\n" and "rebut show" not in told.stderr
    assert cli("runs", "--json").stdout == "[]\n"
    assert "runs are not kept" in cli("runs", "--store", "none").stderr


def test_json_and_events_exclude_each_other(cli: Cli) -> None:
    told = cli("run", "debate", "q", "--json", "--events")
    assert told.exit_code == 2 and "exclude each other" in told.stderr


async def from_cache(self: ScriptedBackend, request: Request, sink: Sink | None = None) -> Response:
    usage = Usage(calls=request.n, requests=1, prompt=200, cached=150, completion=8, usd=0.0)
    said = tuple(Completion(text="Answer: 42") for _ in range(request.n))
    return Response(completions=said, usage=usage, model=request.model)


def test_what_a_prefix_cache_saved_is_told_of_the_run_and_of_each_call(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cached" not in cli("run", "self-refine", "6 * 7?").stderr
    assert "TOKENS IN" not in cli("runs").stdout
    monkeypatch.setattr(ScriptedBackend, "complete", from_cache)
    told = cli("run", "self-refine", "7 * 6?", "-p", "rounds=1").stderr
    assert "in, 75% cached)" in told
    heading, newest, older = cli("runs").stdout.splitlines()
    assert "TOKENS IN" in heading and "(75% cached)" in newest and "cached" not in older
    assert "200 (150 cached) + 8 tokens" in cli("show", "last", "--calls").stdout
    events = json.loads(cli("show", "last", "--json").stdout)
    assert events["usage"]["cached"] * 4 == events["usage"]["prompt"] * 3
    assert next(e["cached_tokens"] for e in events["events"] if "cached_tokens" in e) == 150


READERS = {
    "runs": ["runs"],
    "show": ["show", "last"],
    "replay": ["replay", "last"],
    "export": ["export", "last", "out.jsonl"],
    "scores": ["scores"],
    "resume": ["resume", "--last"],
}


@pytest.mark.parametrize("args", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_a_slip_in_the_name_of_a_store_makes_no_store(
    args: list[str], by_option: bool, cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_option:
        monkeypatch.setenv("REBUT_STORE", "typo.db")
    told = cli(*args, *(["--store", "typo.db"] if by_option else []))
    assert told.exit_code == 2 and told.stdout == ""
    assert told.stderr.startswith(f"error: there is no store at {home / 'typo.db'}")
    assert not (home / "typo.db").exists()


def test_a_store_is_made_by_what_writes_to_it(cli: Cli, asked: str, home: Path) -> None:
    cli("export", asked, "run.jsonl")
    assert cli("import", "run.jsonl", "--store", "new.db").exit_code == 0
    assert asked in cli("runs", "--store", "new.db").stdout


NAMES = ("question", "seed", "models", "budget", "self", "inputs", "workflow")


def test_inputs_may_be_called_as_the_options_are(cli: Cli, home: Path) -> None:
    nodes = (
        "agents: {s: solver}\nnodes: {a: {ask: s, save: x}}\nedges: {start: a, a: end}\nanswer: x.answer\n"
    )
    (home / "w.yaml").write_text(f"name: w\ninputs: [text, {', '.join(NAMES)}]\n{nodes}")
    others = [part for name in NAMES for part in ("-i", f"{name}=its {name}")]
    told = cli("run", "w.yaml", "the text", *others, "-q", "--seed", "7")
    assert (told.exit_code, told.stderr) == (0, "")
    kept = json.loads(cli("runs", "--json").stdout)[0]
    assert kept["input"] == {"text": "the text"} | {name: f"its {name}" for name in NAMES}
    assert kept["seed"] == 7
