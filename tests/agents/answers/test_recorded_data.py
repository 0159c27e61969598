"""Extraction and comparison against recorded model outputs; skipped where the data sets are not at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rebut.agents.answers import correct, equivalent, extract, normalise
from rebut.agents.voting import vote

DATA = Path(os.environ.get("REBUT_DATA") or Path(__file__).parents[4] / "shared" / "data")


def rows(name: str) -> list[dict[str, Any]]:
    path = DATA / name / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no data set {name} at hand")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def share(hits: list[bool]) -> float:
    assert len(hits) >= 100
    return sum(hits) / len(hits)


@pytest.mark.parametrize("name", ["gsm8k", "gsm_hard", "svamp"])
def test_every_reference_number_is_read_back(name: str) -> None:
    golds = [r["answer"] for r in rows(name)]
    assert all(correct(extract(f"Answer: {g}", "number"), g, "number") for g in golds)
    assert len({normalise(g, "number") for g in golds}) == len({float(g) for g in golds})


def test_recorded_gsm8k_outputs_are_judged_as_published() -> None:
    samples = [(r["answer"], s) for r in rows("gsm8k_recorded") for s in r["samples"]]
    for kind in ("number", "auto"):
        assert share([correct(extract(s["text"], kind), g, kind) == s["correct"] for g, s in samples]) >= 0.99
    assert share([correct(s["final_answer"], g, "number") == s["correct"] for g, s in samples]) >= 0.99


def test_a_vote_of_six_systems_beats_their_average() -> None:
    questions = rows("gsm8k_recorded")
    votes = [vote([extract(s["text"], "number") for s in r["samples"]], kind="number") for r in questions]
    right = [correct(v.answer, r["answer"], "number") for v, r in zip(votes, questions, strict=True)]
    single = [s["correct"] for r in questions for s in r["samples"]]
    assert share(right) > share(single) + 0.1
    assert share(right) <= share([any(s["correct"] for s in r["samples"]) for r in questions])


def bbh_kind(gold: str) -> str:
    if gold.startswith("("):
        return "choice"
    if gold.lower() in ("yes", "no", "true", "false"):
        return "yesno"
    return "number" if gold.lstrip("-").isdigit() else "text"


@pytest.mark.parametrize("auto", [False, True])
def test_recorded_bbh_outputs_are_judged_as_published(auto: bool) -> None:
    hits = [
        correct(extract(s["text"], kind), r["answer"], kind) == s["correct"]
        for r in rows("bbh")
        for kind in ["auto" if auto else bbh_kind(r["answer"])]
        for s in r["samples"]
    ]
    assert share(hits) >= 0.99


@pytest.mark.parametrize("kind", ["math", "auto"])
def test_reference_solutions_of_math_give_their_answer(kind: str) -> None:
    questions = rows("math500")
    assert all(equivalent(r["answer"], r["answer"], kind) for r in questions)
    assert all(correct(extract(r["solution"], kind), r["answer"], kind) for r in questions)


def test_options_are_read_by_letter_and_by_words() -> None:
    questions = rows("mmlu_stem")
    for r in questions:
        assert extract(f"(A) fails.\nSo the answer is ({r['answer']}).", "choice") == r["answer"]
    named = [(r, r["choices"]["ABCD".index(r["answer"])]) for r in questions]
    hits = [extract(f"Answer: {words}", "choice", choices=r["choices"]) == r["answer"] for r, words in named]
    assert share(hits) >= 0.99
