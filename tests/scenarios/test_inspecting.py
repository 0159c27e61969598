"""Logs of inspect_ai: what is written into them, and what is made of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import InputError
from rebut.scenarios.inspecting import take, write
from rebut.scenarios.inspecting.packing import log_of
from rebut.scenarios.loader import load
from rebut.scenarios.report import read
from rebut.scenarios.runner import Runner

from .adder import Adder

SPEC = """
name: sums
data: {file: d.jsonl}
kind: number
workflows: [solve, self-consistency]
models: adder/x
seeds: [0, 1]
"""
ROWS: list[dict[str, Any]] = [
    {"id": "a/1", "question": "What is 5 + 2?", "answer": "7"},
    {"id": "b", "question": "What is 6 + 7 ☃?", "answer": ["13", "13.0"]},
    {"id": "c", "question": "What is 50 + 1?", "answer": "52"},
]
Open = Callable[[Adder], rebut.Runtime]


async def written(folder: Path, runtime: Open) -> dict[str, list[Path]]:
    """Make the trials of a scenario, and write their logs in both forms; the files by form."""
    (folder / "sums.yaml").write_text(SPEC)
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    spec = load(folder / "sums.yaml")
    async with runtime(Adder()) as opened:
        await Runner(spec, opened).run()
        evidence = await read(spec, opened, most=0)
        return {form: await write(evidence, opened, folder / form, form=form) for form in ("eval", "json")}


@pytest.fixture
async def logs(tmp_path: Path, runtime: Open) -> dict[str, list[Path]]:
    return await written(tmp_path, runtime)


def heads(paths: list[Path]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return [(head, list(samples)) for head, samples in map(log_of, paths)]


async def test_each_contender_has_a_log_with_its_trials_as_samples(logs: dict[str, list[Path]]) -> None:
    (solve, samples), (vote, votes) = heads(logs["eval"])
    assert (solve["status"], solve["eval"]["task"], solve["eval"]["solver"]) == ("success", "sums", "solve")
    assert solve["eval"]["model"] == "adder/x" and solve["eval"]["config"] == {"epochs": 2}
    assert solve["results"]["scores"][0]["metrics"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert {(one["id"], one["epoch"]) for one in samples} == {(r["id"], e) for r in ROWS for e in (1, 2)}
    one = next(one for one in samples if one["id"] == "b")
    assert (one["input"], one["target"]) == ("What is 6 + 7 ☃?", ["13", "13.0"])
    assert one["scores"]["correct"]["value"] == "C" and one["output"]["completion"] == "13"
    assert one["messages"][0] == {
        "id": one["messages"][0]["id"], "role": "user", "content": one["input"], "source": "input"
    }  # fmt: skip
    assert one["messages"][1]["content"].startswith("**solver** (solver, solve/1)\n\n")
    assert one["metadata"]["run"] == one["uuid"] and one["metadata"]["run"].startswith("sums.")
    assert vote["eval"]["solver"] == "self-consistency"
    assert all(len(one["messages"]) == 6 for one in votes)


async def test_usage_is_told_by_model_and_agent_and_adds_up(logs: dict[str, list[Path]]) -> None:
    for head, samples in heads(logs["json"]):
        sums = [one["model_usage"]["adder/x"]["total_tokens"] for one in samples]
        assert head["stats"]["model_usage"]["adder/x"]["total_tokens"] == sum(sums) > 0
        assert all(set(one["role_usage"]) == {"solver"} for one in samples)
        assert sums == [one["output"]["usage"]["total_tokens"] for one in samples]


async def test_both_forms_say_the_same_and_are_the_same_each_time(
    logs: dict[str, list[Path]], tmp_path: Path, runtime: Open
) -> None:
    assert heads(logs["eval"]) == heads(logs["json"])
    before = {path: path.read_bytes() for paths in logs.values() for path in paths}
    spec = load(tmp_path / "sums.yaml")
    async with runtime(Adder()) as opened:
        evidence = await read(spec, opened, most=0)
        for form in logs:
            await write(evidence, opened, tmp_path / form, form=form)
    assert {path: path.read_bytes() for path in before} == before


async def test_a_log_comes_back_as_a_scenario_with_its_outputs_as_a_contender(
    logs: dict[str, list[Path]], tmp_path: Path, runtime: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    taken = take(logs["eval"][0], Path("again"))
    assert [path.name for path in taken.files] == ["again.yaml", "again.jsonl", "again.recorded.yaml"]
    assert (taken.items, taken.kind, taken.recorded, taken.epochs) == (3, "number", 3, 2)
    assert taken.right == pytest.approx(2 / 3)
    made = rows(tmp_path, "again")
    assert {row["id"]: row["question"] for row in made} == {row["id"]: row["question"] for row in ROWS}
    async with runtime(Adder()) as opened:
        report = await Runner(load(Path("again.yaml")), opened, models={"*": "adder/x"}).run()
    by_label = {label: [t.right for t in report.trials if t.label == label] for label in report.labels}
    assert report.base == taken.label == "recorded adder x"
    assert sum(by_label[taken.label]) == 2 and len(by_label[taken.label]) == 3
    with pytest.raises(InputError, match="would be overwritten"):
        take(logs["eval"][0], Path("again"))
    assert take(logs["json"][0], Path("again"), force=True).items == 3


def log(*samples: dict[str, Any], **head: Any) -> dict[str, Any]:
    return {"version": 2, "eval": {"task": "t", "model": "m/x"}, "samples": list(samples)} | head


def taken_from(folder: Path, value: Any) -> Any:
    (folder / "log.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return take(folder / "log.json", folder / "made.yaml", force=True)


def rows(folder: Path, name: str = "made") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_choices_messages_and_scored_answers_are_understood(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Which?"}]},
    ]
    output = {
        "choices": [
            {
                "message": {
                    "content": [
                        {"type": "reasoning", "reasoning": "hm"},
                        {"type": "text", "text": "B, I say"},
                    ]
                }
            }
        ]
    }
    one = {"id": 1, "epoch": 1, "input": messages, "choices": ["cat", "dog"], "target": "B", "output": output}
    scored = one | {"scores": {"choice": {"value": "C", "answer": "B"}}}
    taken = taken_from(tmp_path, log(scored))
    assert (taken.kind, taken.right) == ("choice", 1.0)
    assert rows(tmp_path) == [
        {"id": "1", "question": "Be brief.\n\nWhich?\n\nA) cat\nB) dog", "answer": ["B"]}
    ]
    assert "B, I say\\n\\nANSWER: B" in (tmp_path / "made.recorded.yaml").read_text()


def test_the_kind_follows_from_the_targets(tmp_path: Path) -> None:
    def kind(*targets: Any) -> str:
        samples = [{"id": n, "input": f"q{n}", "target": t} for n, t in enumerate(targets)]
        return str(taken_from(tmp_path, log(*samples)).kind)

    assert kind("7", "1,000", 3.5) == "number"
    assert kind("yes", "No") == "yesno"
    assert kind("7", "Paris") == "auto"


def test_samples_that_make_no_item_are_named(tmp_path: Path) -> None:
    image = [{"role": "user", "content": [{"type": "image", "image": "data:x"}]}]
    good: dict[str, Any] = {"id": "g", "input": "q", "target": "1"}
    bad: list[dict[str, Any]] = [
        {"id": "i", "input": image, "target": "1"},
        {"id": "n", "input": "q", "target": ""},
        {"id": "e", "target": "1"},
    ]
    taken = taken_from(tmp_path, log(good, *bad, good | {"epoch": 2}))
    assert (taken.items, taken.recorded, taken.epochs) == (1, 0, 2)
    assert [skipped.partition(":")[0] for skipped in taken.skipped] == [
        "sample 'i'",
        "sample 'n'",
        "sample 'e'",
    ]
    assert not (tmp_path / "made.recorded.yaml").exists()
    with pytest.raises(InputError, match="no sample makes an item: sample 'i': its input is not text alone"):
        taken_from(tmp_path, log(bad[0]))


WRONG = {
    "empty": ("", "not JSON"),
    "a list": ("[1]", "expected an object, found list"),
    "another thing": ('{"a": 1}', 'not a log of inspect_ai: it has no "eval"'),
    "no samples": ('{"eval": {"task": "t"}}', "no sample makes an item: it has none"),
    "half an archive": ("PK\x03\x04", "a damaged archive"),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_log_is_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        taken_from(tmp_path, body)
    assert not (tmp_path / "made.yaml").exists()


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("readme.txt", "x")
    (tmp_path / "log.eval").write_bytes(body.getvalue())
    with pytest.raises(InputError, match=r"the archive has no header.json"):
        take(tmp_path / "log.eval", tmp_path / "made.yaml")
    with pytest.raises(InputError, match="cannot read"):
        take(tmp_path / "nosuch.eval", tmp_path / "made.yaml")
    with pytest.raises(InputError, match="no name of a scenario"):
        take(tmp_path / "log.eval", tmp_path / "Not a name.yaml")


def test_numbers_that_json_has_not_are_read(tmp_path: Path) -> None:
    text = json.dumps(log({"id": 1, "input": "q", "target": "1", "scores": {"s": {"value": float("nan")}}}))
    assert taken_from(tmp_path, text).items == 1
