"""The page: its figures are those of the summary, hostile words stay words, and nothing is fetched."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rebut.scenarios.report import Evidence, details, page
from rebut.scenarios.report.plot import plot
from rebut.scenarios.report.rendering import headline, policy
from rebut.scenarios.report.words import percent, points, probability
from rebut.scenarios.summary import summary

from .conftest import Talker, Tree, errs

Gather = Callable[..., Any]


def made(evidence: Evidence, most: int = 20_000) -> str:
    return page(evidence, version="1.2.3", now=1_800_000_000.0, most=most)


@pytest.fixture
async def evidence(gather: Gather) -> Evidence:
    found: Evidence = await gather()
    return found


def test_the_table_is_the_summary(evidence: Evidence) -> None:
    _, *rows = Tree(made(evidence)).rows["summary"]
    lines = summary(evidence.report)
    assert [line.label for line in lines] == ["solve", "vote"]
    assert [row[0] for row in rows] == ["solve", "voteself-consistency, samples=3"]
    for row, line in zip(rows, lines, strict=True):
        low, high = line.interval
        assert row[1] == f"{percent(line.right)}{percent(low)} – {percent(high)}"
        assert row[8:] == [str(line.n), "0"]
    vote, told = lines[1], rows[1]
    assert vote.gain is not None and vote.p_holm is not None
    assert vote.gain_interval is not None
    low, high = vote.gain_interval
    assert rows[0][2] == "base" and told[2] == f"{points(vote.gain)}{points(low)} to {points(high)}"
    assert told[3] == probability(vote.p_holm)


def test_what_models_say_is_shown_and_never_obeyed(evidence: Evidence) -> None:
    html = made(evidence)
    found = Tree(html)
    assert [tag for tag, _ in found.elements].count("script") == 1
    assert not any(name.startswith("on") for _, attrs in found.elements for name in attrs)
    said = [text for _, text in found.texts if "owned" in text]
    assert len(said) == 6 * (1 + 3)
    assert said[0].startswith("<script>document.title='owned'</script><img src=x onerror=alert(1)>")
    assert "⟨U+001B⟩[31mred⟨U+0007⟩ ⟨U+202E⟩gnp.exe⟨U+202C⟩ {{ 7*7 }} &amp; ]]> ⟨U+2066⟩" in said[0]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


async def test_names_and_data_are_not_obeyed_either(gather: Gather, tmp_path: Any) -> None:
    rows = tmp_path / "d.jsonl"
    bad = '</title></script><script>alert(1)</script>\u202e"'
    row = {"id": bad, "question": f"{bad} What is 1 + 2?", "answer": "3", "group": f"{bad}\x00"}
    rows.write_text(json.dumps(row) + "\n")
    words = {"title": "'</title><b>'", "about": "'</p><p onclick=x>'"}
    evidence = await gather(Talker(), data=f"{{file: {rows}}}", **words)
    found = Tree(made(evidence))
    assert [tag for tag, _ in found.elements].count("script") == 1
    assert any('⟨U+202E⟩"⟨U+0000⟩' in text for _, text in found.texts)


def test_nothing_is_fetched_and_only_its_own_script_may_run(evidence: Evidence) -> None:
    html = made(evidence)
    found = Tree(html)
    (rules,) = [str(a["content"]) for tag, a in found.elements if tag == "meta" and "http-equiv" in a]
    script = re.findall(r"<script>(.*?)</script>", html, re.S)[-1]
    style = re.findall(r"<style>(.*?)</style>", html, re.S)[0]
    assert rules == policy(style, script) and rules.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in rules
    links = [str(a[k]) for _, a in found.elements for k in ("href", "src", "action", "data") if k in a]
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert not any("style" in a for _, a in found.elements)
    assert not re.search(r"url\(|@import|https?:", style + script)


def test_every_link_has_its_place_and_no_id_comes_twice(evidence: Evidence) -> None:
    found = Tree(made(evidence))
    ids = [str(a["id"]) for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for tag, a in found.elements if tag == "a"} <= {f"#{one}" for one in ids}
    named = [part for _, a in found.elements for part in (a.get("aria-labelledby") or "").split()]
    assert named and set(named) <= set(ids)


def test_the_head_tells_what_was_measured(evidence: Evidence) -> None:
    words = " ".join(text for _, text in Tree(made(evidence)).texts)
    for told in ("sums", "adder/x", "12 of 12", "made by the generator arithmetic (seed 0)"):
        assert told in words
    assert "2027-01-15 08:00 UTC by rebut 1.2.3" in words and "missing" not in words


async def test_trials_that_are_missing_are_told(gather: Gather) -> None:
    evidence: Evidence = await gather()
    evidence.report.wanted = 1015
    assert "<strong>1,003 trials of 1,015 are missing:</strong>" in made(evidence)


def test_the_plot_is_drawn_where_the_numbers_say(evidence: Evidence) -> None:
    found = Tree(made(evidence))
    lines = summary(evidence.report)
    from rebut.scenarios.report.rendering import plots

    tokens, dollars = (each["plot"] for each in plots(lines, {"solve": 1, "vote": 2}))
    marks = [*tokens.marks, *dollars.marks]
    dots = [
        (a["cx"], a["cy"]) for tag, a in found.elements if tag == "circle" and "dot" in (a["class"] or "")
    ]
    assert dots == [(f"{mark.x:.1f}", f"{mark.y:.1f}") for mark in marks] and len(dots) == 4
    told = [text for tag, text in found.texts if tag == "desc"]
    assert f"1, solve: {percent(lines[0].right)} right" in told[0] and "for 15 tokens a trial" in told[0]


def test_items_carry_what_the_filter_looks_for(evidence: Evidence) -> None:
    found = Tree(made(evidence))
    shown = details.details(evidence, 100)
    assert len(found.having(kind="item")) == 6
    for name, marked in (("is-wrong", "wrong"), ("is-changed", "changed"), ("is-failed", "failed")):
        ids = {a["id"] for a in found.having(kind=name)}
        assert ids == {f"item-{s.at}" for s in shown if getattr(s, marked)}
    assert 0 < len(found.having(kind="is-wrong")) < 6
    assert {a["value"] for tag, a in found.elements if tag == "input" and a.get("type") == "radio"} == {
        "all", "is-wrong", "is-changed", "is-failed",
    }  # fmt: skip


def test_all_is_closed_and_the_filter_hidden_until_a_script_runs(evidence: Evidence) -> None:
    found = Tree(made(evidence))
    assert all("open" not in a for tag, a in found.elements if tag == "details")
    assert ["hidden" in a for tag, a in found.elements if tag == "form"] == [True]


async def test_long_transcripts_are_cut_and_said_to_be(gather: Gather) -> None:
    evidence = await gather(Talker(wrong=errs, says="x" * 5000))
    whole, short = made(evidence), made(evidence, most=1000)
    assert "Transcripts are cut" not in whole and whole.count("x" * 5000) == 24
    left = 6 * (5000 + 10 - 1000) + 6 * (3 * 5010 - 1000)
    said = re.findall(r"cut after ([\d,]+) characters each; ([\d,]+) characters in all", short)
    assert said[0][0] == "1,000" and abs(int(said[0][1].replace(",", "")) - left) < 60
    assert short.count("x" * 1000) == 12 and "x" * 1001 not in short
    assert "What was said" not in made(evidence, most=0) and "are left out" in made(evidence, most=0)


async def test_a_page_keeps_within_its_size(gather: Gather, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebut.scenarios.report.rendering.WHOLE", 24_000)
    html = made(await gather(Talker(says="y" * 30_000)))
    assert html.count("y") < 25_000 and "cut after 2,000 characters each" in html
    assert len(html) < 120_000


@pytest.mark.slow
async def test_two_thousand_items_take_seconds(gather: Gather) -> None:
    one: Evidence = await gather(Talker(says="z" * 500), workflows="[solve, self-consistency]")
    items = {f"i{n}": replace(next(iter(one.items.values())), id=f"i{n}") for n in range(2000)}
    first = [t for t in one.report.trials if t.item == one.report.trials[0].item]
    trials = [replace(trial, item=id_) for id_ in items for trial in first]
    report = replace(one.report, trials=trials, wanted=4000)
    began = time.perf_counter()
    html = made(replace(one, items=items, report=report))
    assert time.perf_counter() - began < 30 and len(html) < 20_000_000
    assert html.count('<details class="item') == 2000


async def test_several_seeds_and_models_have_lines_of_their_own(gather: Gather) -> None:
    evidence = await gather(Talker(wrong=errs), seeds="[0, 1]", models="[adder/x, adder/y]")
    html = made(evidence)
    rows = Tree(html).rows["summary"][1:]
    labels = [f"{w} @ adder/{m}" for w in ("solve", "vote") for m in "xy"]
    assert [row[0].partition("self-")[0] for row in rows] == labels
    assert "6, each with 2 seeds" in html and "seed 1" in html


async def test_a_single_workflow_has_nothing_to_be_compared_with(gather: Gather) -> None:
    html = made(await gather(Talker(), workflows="[solve]"))
    assert 'id="flips"' not in html and 'id="difficulty"' not in html and 'id="cost"' in html
    assert Tree(html).rows["summary"][1][2] == "base"


async def test_the_inside_the_confidence_and_the_seeds_have_parts_where_there_is_something_to_say(
    gather: Gather,
) -> None:
    workflows = "{solve: solve, society: {workflow: society, params: {agents: 2, rounds: 2}}}"
    found = Tree(made(await gather(workflows=workflows, seeds="[0, 1]")))
    assert all(found.having(id=part) for part in ("inside", "sure", "seeds", "ranks"))
    words = [text.strip() for _, text in found.texts]
    assert "answers: 2 answers a round, 2 rounds in the mean of 12 trials" in words
    assert "draft: one answer a round, 1 round in the mean of 12 trials" not in words
    assert "society: share of the vote" in words and len(found.rows["reruns"]) == 3
    alone = Tree(made(await gather(workflows="[solve]")))
    assert not any(alone.having(id=part) for part in ("inside", "sure", "seeds", "ranks"))


async def test_nobody_leads_where_nobody_is_right(gather: Gather) -> None:
    found: Evidence = await gather(Talker(wrong=lambda request, number: True))
    assert headline(summary(found.report), "solve")[0] == "No workflow is right on any item."


def test_words_say_no_more_than_the_figures(evidence: Evidence) -> None:
    lines = summary(evidence.report)
    told = headline(lines, "solve")
    assert told[-1] == "No difference from solve is beyond what chance alone would give (p < 0.05, by Holm)."
    sure = [lines[0], replace(lines[1], gain=-0.25, p_holm=0.01)]
    assert headline(sure, "solve")[1] == "vote is 25.0 points less often right than solve (p = 0.01)."
    many = [lines[0], replace(lines[1], gain=0.25, p_holm=1e-9)]
    assert headline(many, "solve")[1] == "vote is 25.0 points more often right than solve (p < 0.0001)."
    tied = [replace(line, right=0.5, interval=lines[0].interval) for line in lines]
    assert headline(tied, "solve")[0].startswith("solve and vote are right most often: 50.0 % (95 % interval")
    assert plot([]) is None
