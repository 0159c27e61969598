"""What rebut's decisions make of outputs that models really gave: programs, solvers, judges."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rebut.agents.answers import correct, equivalent, extract
from rebut.agents.orders import TIE, both_orders
from rebut.agents.outcomes import dual_agreement
from rebut.agents.voting import vote
from rebut.records import Label
from rebut.scenarios.statistics import bootstrap

Record = Mapping[str, Any]
FOLDS = 5
DRAWS = 10_000


class Unusable(ValueError):
    """A file that cannot be measured on."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the page."""

    name: str
    about: str
    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def read(folder: Path, name: str) -> list[Record]:
    """The rows of a data set.

    Raises:
        Unusable: there is no such file, or a line of it is no JSON object.
    """
    path = folder / name / f"{name}.jsonl"
    try:
        lines = path.read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot read {name}: {error} (give the data folder by --data)") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Unusable(f"{name} holds no rows")
    return rows


def percent(share: float) -> str:
    """A share as per cent, with one digit."""
    return f"{100 * share:.1f} %"


def interval(differences: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a mean of paired differences (10,000 draws)."""
    found = bootstrap(differences, fmean, resamples=DRAWS, seed=seed).interval
    return found.low, found.high


def programs(rows: Sequence[Record]) -> Table:
    """Best of 16 programs by tests that the same model wrote: the share of problems that the pick solves."""
    rules: dict[str, Callable[[list[list[bool]]], list[float]]] = {
        "any (the mean of all)": lambda passed: [0.0] * len(passed),
        "most asserts passed": lambda passed: [float(sum(row)) for row in passed],
        "dual agreement": dual_agreement,
    }
    lines = []
    for name, rule in rules.items():
        picks = [_pick(row, rule) for row in rows]
        lines.append((name, percent(fmean(p[0] for p in picks)), percent(fmean(p[1] for p in picks))))
    best = fmean(any(s["correct"] for s in row["samples"]) for row in rows)
    lines.append(("the best of them (oracle)", percent(best), percent(best)))
    about = (
        f"{len(rows)} problems of HumanEval, 16 programs each by CodeGen-16B, and asserts that it wrote. "
        "Equal scores: the mean over those that share the first place, and the first of them."
    )
    return Table("codet_humaneval", about, ("pick", "solved", "solved, first of equals"), tuple(lines))


def _pick(row: Record, rule: Callable[[list[list[bool]]], list[float]]) -> tuple[float, float]:
    passed = [[bit == "1" for bit in sample["asserts_passed"]] for sample in row["samples"]]
    scores = rule(passed)
    right = [
        float(s["correct"]) for s, score in zip(row["samples"], scores, strict=True) if score == max(scores)
    ]
    return fmean(right), right[0]


def panel(rows: Sequence[Record]) -> Table:
    """Six systems answer each question: each alone, the plain vote, and the vote by calibrated weights."""
    members = [f"{s['model']}, {s['method']}" for s in rows[0]["samples"]]
    alone = [[float(row["samples"][i]["correct"]) for row in rows] for i in range(len(members))]
    best = max(alone, key=sum)
    plain = [_voted(row, None) for row in rows]
    weighed = list(_calibrated(rows))
    lines = [(name, percent(fmean(right)), "") for name, right in zip(members, alone, strict=True)]
    for name, right in (("plain vote", plain), ("vote by calibrated weights", weighed)):
        low, high = interval([a - b for a, b in zip(right, best, strict=True)])
        lines.append((name, percent(fmean(right)), f"{100 * low:+.1f} to {100 * high:+.1f}"))
    texts = [(s["text"], s["final_answer"]) for row in rows for s in row["samples"] if s["final_answer"]]
    same = fmean(equivalent(extract(text, "number") or "", said, "number") for text, said in texts)
    about = (
        f"{len(rows)} questions of GSM8K, answered once by each of six systems. A weight is the logarithm of "
        "the odds that the member is right (Nitzan and Paroush 1982), or 0 for one who is mostly wrong, from "
        f"four fifths of the rows and used on the fifth, {FOLDS} times. The last column is the 95 % interval "
        "of the difference from the best member, in points. The final answer that rebut extracts from the "
        f"text is the recorded one in {percent(same)} of {len(texts)} texts."
    )
    return Table("gsm8k_recorded", about, ("who answers", "right", "against the best member"), tuple(lines))


def _voted(row: Record, weights: Sequence[float] | None) -> float:
    answers = [sample["final_answer"] for sample in row["samples"]]
    ballot = vote(answers, weights=weights, kind="number", rule="weighted" if weights else "majority")
    return float(ballot.answer is not None and correct(ballot.answer, row["answer"], "number"))


def _calibrated(rows: Sequence[Record]) -> Iterator[float]:
    """Whether the weighted vote is right on each row, by weights from the rows of the other folds."""
    fitted = [_fit([row for i, row in enumerate(rows) if i % FOLDS != fold]) for fold in range(FOLDS)]
    for i, row in enumerate(rows):
        yield _voted(row, fitted[i % FOLDS])


def _fit(rows: Sequence[Record]) -> list[float]:
    count = len(rows[0]["samples"])
    shares = [(sum(row["samples"][i]["correct"] for row in rows) + 1) / (len(rows) + 2) for i in range(count)]
    return [max(0.0, math.log(p / (1 - p))) for p in shares]


def judges(rows: Sequence[Record], rulings: Callable[[Record], Mapping[str, Pair]], name: str) -> Table:
    """Each judge in both orders: how often it keeps to its word, and what the policies make of it."""
    names = list(dict.fromkeys(judge for row in rows for judge in rulings(row)))
    lines = [
        _judge([(rulings(row)[judge], row) for row in rows if judge in rulings(row)], judge)
        for judge in names
    ]
    return Table(name, f"{len(rows)} pairs. {JUDGES}", HEADINGS, (*lines, *_juries(rows, rulings, names)))


Pair = tuple[Label | None, Label | None]
HEADINGS = (
    "judge",
    "pairs",
    "right, one order",
    "consistent",
    "strict: decided",
    "strict: right",
    "score: right",
)
JUDGES = (
    "`right, one order`: mean over both orders, a missing verdict is wrong. `consistent`: both orders name "
    "the same answer. `strict`: an answer stands where both orders name it, else it is a tie, which counts "
    "one half. `score`: the mean of both orders' probabilities, or of the verdicts where there are none."
)


def _judge(pairs: Sequence[tuple[Pair, Record]], name: str) -> tuple[str, ...]:
    right = [fmean((_right(a, row), _right(_turned(b), row))) for (a, b), row in pairs]
    consistent = [float(a is not None and b is not None and _turned(b) == a.value) for (a, b), _ in pairs]
    strict = [both_orders(a, b, "strict") for (a, b), _ in pairs]
    score = [both_orders(a, b, "score") for (a, b), _ in pairs]
    truth = [row["answer"] for _, row in pairs]
    shown = (fmean(right), fmean(consistent), fmean(s in ("A", "B") for s in strict))
    points = (credit(strict, truth), credit(score, truth))
    return (name, str(len(pairs)), *map(percent, (*shown, *points)))


def _right(verdict: Label | str | None, row: Record) -> float:
    value = verdict.value if isinstance(verdict, Label) else verdict
    return float(value == row["answer"])


def _turned(verdict: Label | None) -> str | None:
    return None if verdict is None else {"A": "B", "B": "A"}.get(verdict.value, TIE)


def credit(rulings: Sequence[str | None], truth: Sequence[str]) -> float:
    """The mean of 1 for a right ruling, one half for a tie or none, 0 for a wrong one."""
    pairs = zip(rulings, truth, strict=True)
    return fmean(0.5 if ruling in (TIE, None) else float(ruling == right) for ruling, right in pairs)


def _juries(
    rows: Sequence[Record], rulings: Callable[[Record], Mapping[str, Pair]], names: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """All judges together: each has one vote where both of its orders agree, or one for each order."""
    truth = [row["answer"] for row in rows]
    for title, ballots in (("jury, strict rulings", _strict), ("jury, one order", _first)):
        votes = [[ballots(*rulings(row)[name]) for name in names if name in rulings(row)] for row in rows]
        found = [vote(ballot, kind="choice", tie="none").answer for ballot in votes]
        decided = fmean(answer is not None for answer in found)
        yield (title, str(len(rows)), "", "", percent(decided), percent(credit(found, truth)), "")


def _strict(straight: Label | None, swapped: Label | None) -> str | None:
    ruling = both_orders(straight, swapped)
    return None if ruling == TIE else ruling


def _first(straight: Label | None, swapped: Label | None) -> str | None:
    return straight.value if straight is not None and straight.value in ("A", "B") else None


def llmbar(row: Record) -> dict[str, Pair]:
    """Verdicts of LLMBar's judges; the record names answers, not places, in either order."""
    found: dict[str, Pair] = {}
    for judge, said in row["recorded_judges"].items():
        straight = {"1": "A", "2": "B"}.get(said["original"]["winner"] or "")
        swapped = {"1": "B", "2": "A"}.get(said["swapped"]["winner"] or "")
        found[judge] = (_label(straight), _label(swapped))
    return found


def judgebench(row: Record) -> dict[str, Pair]:
    """Verdicts of JudgeBench's judges; a reward model's scores give the probability (Bradley-Terry)."""
    return {judge: (_place(said[0]), _place(said[1])) for judge, said in row["recorded_judges"].items()}


def _place(said: Mapping[str, Any]) -> Label | None:
    value = {"A>B": "A", "B>A": "B", "A=B": TIE}.get(said["decision"] or "")
    if value is None or not said.get("scores"):
        return _label(value)
    first, second = said["scores"]
    share = 1 / (1 + math.exp(min(700.0, second - first)))
    return Label(value=value, probabilities={"A": share, "B": 1 - share})


def _label(value: str | None) -> Label | None:
    return None if value is None else Label(value=value)


def reasoning(rows: Sequence[Record]) -> Table:
    """Answers with and without a chain of thought, as recorded and as rebut reads them off the text."""
    lines = []
    for method in ("cot", "direct"):
        pairs = [(row, s) for row in rows for s in row["samples"] if s["method"] == method]
        read_off = [correct(extract(s["text"], "auto") or "", row["answer"], "auto") for row, s in pairs]
        recorded = [bool(s["correct"]) for _, s in pairs]
        lost = sum(a and not b for a, b in zip(recorded, read_off, strict=True))
        won = sum(b and not a for a, b in zip(recorded, read_off, strict=True))
        lines.append((method, percent(fmean(recorded)), percent(fmean(read_off)), str(lost), str(won)))
    about = (
        f"{len(rows)} questions of 27 tasks, answered by code-davinci-002. `recorded`: right by an exact "
        "match. `read`: the answer that rebut extracts, without knowing the task, compared as rebut does."
    )
    headings = (
        "answered by",
        "recorded: right",
        "read: right",
        "right only as recorded",
        "right only as read",
    )
    return Table("bbh", about, headings, tuple(lines))
