"""What is measured beside right answers: texts, attempts, judges; with intervals, paired with the base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from rebut.errors import InputError, ModelBusy
from rebut.models.wire import Request
from rebut.scenarios.grading import CODE_ALLOWED, Grader
from rebut.scenarios.items import Item
from rebut.scenarios.judging import Judges, needed_by
from rebut.scenarios.loader import ScenarioInvalid
from rebut.scenarios.metrics import MEASURES, contains, measured, scores
from rebut.scenarios.runner import Runner, measure
from rebut.scenarios.spec import PLAIN, Metric
from rebut.scenarios.statistics import bootstrap, bootstrap_difference, mean_pass_at_k
from rebut.scenarios.summary import summary
from rebut.scenarios.trials import Trial

from .adder import Adder, scenario
from .conftest import Open

F1 = Metric(name="f1", by="f1")
JUDGE = """
name: grade
inputs: [question, response, gold]
agents: {{s: solver}}
nodes:
  ask: {{ask: s, save: draft, with: {{question: "=question"}}}}
  end_: {{set: {{score: "{score}"}}}}
edges: {{start: ask, ask: end_, end_: end}}
answer: score
"""


def trial(
    item: int, label: str, score: float, *, right: bool = False, seed: int = 0, group: str = ""
) -> Trial:
    return Trial(
        item=str(item),
        group=group,
        label=label,
        seed=seed,
        run="r",
        gold=("1",),
        right=right,
        scores={"f1": score},
    )


def test_every_metric_that_the_language_knows_is_measured() -> None:
    assert tuple(MEASURES) == PLAIN


def test_plain_metrics_score_an_answer_and_none_scores_nothing() -> None:
    metrics = [Metric(name=name, by=name) for name in ("exact", "f1", "contains")]
    assert scores(metrics, "The cat sat.", ["a cat", "a dog"]) == {
        "exact": 0,
        "f1": pytest.approx(2 / 3),
        "contains": 1,
    }
    assert scores(metrics, "A cat", ["the cat."]) == {"exact": 1, "f1": 1, "contains": 1}
    assert scores(metrics, None, ["x"]) == {"exact": 0, "f1": 0, "contains": 0}
    assert not contains("concatenate", ["cat"]) and not contains("", ["cat"]) and not contains("x", [""])


def test_a_metric_has_the_bootstraps_interval_and_is_paired_with_the_base() -> None:
    ours = [0.2, 0.9, 0.4, 1.0, 0.7, 0.1]
    base = [0.1, 0.5, 0.4, 0.2, 0.6, 0.3]
    trials = {
        "a": [trial(i, "a", s) for i, s in enumerate(base)],
        "b": [trial(i, "b", s) for i, s in reversed(list(enumerate(ours)))],
    }
    found = measured([F1], trials, "a")
    assert found["a"]["f1"].gain is None and found["a"]["f1"].interval == bootstrap(base, fmean).interval
    pair = bootstrap_difference(base[::-1], ours[::-1])
    b = found["b"]["f1"]
    assert b.mean == pytest.approx(0.55) and b.gain == pytest.approx(pair.value)
    assert (b.gain_interval, b.p) == (pair.interval, pair.p)
    assert b.p_holm == b.p and b.n == 6


def test_values_of_one_group_are_drawn_together() -> None:
    alone = measured([F1], {"a": [trial(i, "a", i % 2) for i in range(20)]}, "a")["a"]["f1"]
    group = [trial(i, "a", i % 2, group=str(i % 2)) for i in range(20)]
    grouped = measured([F1], {"a": group}, "a")["a"]["f1"]
    assert alone.interval and grouped.interval
    assert grouped.interval == (0.0, 1.0) and alone.interval.low > 0.2
    assert measured([F1], {"a": group[::2]}, "a")["a"]["f1"].interval is None


def test_many_items_have_the_normal_interval() -> None:
    trials = {label: [trial(i, label, (i % 7) / 7) for i in range(500)] for label in ("a", "b")}
    found = measured([F1], trials, "a")["b"]["f1"]
    drawn = bootstrap([(i % 7) / 7 for i in range(500)], fmean).interval
    assert found.interval is not None and found.interval.low == pytest.approx(drawn.low, abs=0.01)
    assert (found.gain, found.p) == (0.0, 1.0)
    alike = {label: [trial(i, label, score) for i in range(500)] for label, score in (("a", 0.2), ("b", 0.7))}
    gained = measured([F1], alike, "a")["b"]["f1"]
    assert gained.gain == pytest.approx(0.5) and gained.p is not None and gained.p < 1e-9


def test_pass_at_k_is_that_of_the_seeds() -> None:
    rights = [(True, False, False), (False, False, False), (True, True, False)]
    trials = [trial(i, "a", 0, right=r, seed=s) for i, row in enumerate(rights) for s, r in enumerate(row)]
    metric = Metric(name="pass@2", by="pass", k=2)
    found = measured([metric], {"a": trials[:-1]}, "a")["a"]["pass@2"]
    assert found.mean == pytest.approx(mean_pass_at_k([(3, 1), (3, 0), (2, 2)], 2).mean) and found.n == 3
    assert measured([metric], {"a": trials[:1]}, "a") == {}


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ("[f2]", "unknown metric: 'f2'"),
        ("{a: exakt}", "did you mean 'exact'?"),
        (
            "{a: {judge: checklist-jugde}}",
            "unknown workflow: 'checklist-jugde' (did you mean 'checklist-judge'?)",
        ),
        ("{a: {judge: checklist-judge, params: {itmes: 3}}}", "has no parameter 'itmes'"),
        ("[1]", "a metric (exact, f1, contains, pass@K) is needed"),
        ("[f1, f1]", "'f1' stands twice"),
        ("[pass@3]", "'pass@3' needs 3 seeds or more, there are 1"),
        ("{helpful: {}}", "metric has no 'judge'"),
        ("{Helpful: f1}", "not a short name"),
    ],
)
def test_a_metric_that_does_not_fit_is_named(metrics: str, says: str) -> None:
    with pytest.raises(ScenarioInvalid) as error:
        scenario(metrics=metrics)
    assert says in str(error.value)


Write = Callable[..., Path]


@pytest.fixture
def judging(tmp_path: Path) -> Write:
    """Writes a judge's workflow."""

    def write(score: str, *change: str) -> Path:
        text = JUDGE.format(score=score)
        old, new = change or ("", "")
        (tmp_path / "judge.yaml").write_text(text.replace(old, new) if change else text)
        return tmp_path / "judge.yaml"

    return write


@pytest.fixture
def judge(judging: Write) -> Path:
    return judging("1.0 if response == gold else 0.25")


@pytest.fixture
def large(judge: Path) -> Path:
    """A judge of two calls."""
    text = judge.read_text().replace("ask: s, save: draft", "sample: s, n: 2, save: draft")
    (judge.parent / "large.yaml").write_text(text)
    return judge.parent / "large.yaml"


async def test_a_judge_grades_each_answer_once_and_is_paid_like_a_run(runtime: Open, judge: Path) -> None:
    spec = scenario(metrics=f"{{good: {{judge: {judge}}}, right again: exact}}", seeds="[0, 1]")
    adder = Adder(wrong=lambda request, number: number % 4 == 0)
    async with runtime(adder) as open_:
        report = await measure(spec, open_)
    answers = {(t.item, t.answer) for t in report.trials}
    for one in report.trials:
        assert one.scores == {"good": 1.0 if one.right else 0.25, "right again": float(one.right)}
    assert sum(t.grading.calls for t in report.trials) == len(answers)
    line = summary(report)[0]
    assert line.calls == 1 and line.metrics["good"].mean == pytest.approx(0.25 + 0.75 * line.right)
    async with runtime(again := Adder()) as open_:
        kept = await Runner(spec, open_).found()
        assert [t.scores for t in kept.trials] == [t.scores for t in report.trials]
        assert sum(t.grading.calls for t in kept.trials) == len(answers)
        assert [one.metrics for one in summary(await measure(spec, open_))] == [
            one.metrics for one in summary(report)
        ]
        assert not again.seen


async def test_a_judge_with_a_column_of_its_own_makes_no_trial_anew(
    runtime: Open, judging: Write, tmp_path: Path
) -> None:
    (tmp_path / "sums.csv").write_text(
        "question,answer,rubric\nWhat is 1 + 2?,3,brief\nWhat is 2 + 2?,4,long\n"
    )
    data = {"data": f"{{file: {tmp_path / 'sums.csv'}}}", "workflows": "[solve]"}
    async with runtime(Adder()) as opened:
        await measure(scenario(**data), opened)
    judge = judging("1.0 if rubric == 'brief' else 0.5", "inputs: [", "inputs: [rubric, ")
    adder = Adder()
    async with runtime(adder) as opened:
        report = await measure(scenario(**data, metrics=f"{{good: {{judge: {judge}}}}}"), opened)
    assert [t.scores["good"] for t in report.trials] == [1.0, 0.5]
    assert all(t.kept for t in report.trials) and len(adder.seen) == 2, "only the judge is asked"


async def test_a_judge_is_held_to_the_total_and_goes_on_later(runtime: Open, judge: Path) -> None:
    change = {"metrics": f"{{good: {{judge: {judge}}}}}", "workflows": "[solve]"}
    async with runtime(Adder()) as open_:
        report = await measure(scenario(**change, total="{calls: 8}"), open_)
    assert report.stopped == "the total of 8 calls has no room for another run of judge good"
    assert sum("good" in t.scores for t in report.trials) == 2
    async with runtime(more := Adder()) as open_:
        report = await measure(scenario(**change, total="{calls: 12}"), open_)
    assert not report.stopped and len(more.seen) == 4
    assert all(t.scores["good"] == 1 for t in report.trials)


async def test_judges_wait_for_those_under_way_as_trials_do(runtime: Open, judge: Path) -> None:
    change = {"metrics": f"{{good: {{judge: {judge}}}}}", "workflows": "[solve]"}
    async with runtime(Adder(delay=0.01)) as open_:
        runner = Runner(scenario(**change, total="{tokens: 4000}"), open_, concurrency=6)
        report = await runner.run()
    assert not report.stopped and all("good" in t.scores for t in report.trials)
    most = max(worst.tokens for worst in runner._purse._worst.values())
    assert 6 * most > 4000 > report.usage.tokens + most  # not all at once, and yet enough


async def test_a_judge_that_stood_in_line_when_the_total_was_spent_is_not_asked(
    runtime: Open, judge: Path, large: Path
) -> None:
    metrics = f"{{small: {{judge: {judge}}}, large: {{judge: {large}}}}}"
    change = {"metrics": metrics, "workflows": "[solve]", "data": "{generate: arithmetic, n: 2}"}
    async with runtime(adder := Adder(delay=0.01)) as open_:
        runner = Runner(scenario(**change, total="{calls: 4}"), open_, concurrency=4)
        report = await runner.run()
    assert report.stopped == "the total of 4 calls has no room for another run of judge large"
    assert (len(adder.seen), [sorted(t.scores) for t in report.trials]) == (3, [["small"], []])
    assert runner._purse.held.calls == 0


async def test_a_judge_that_fails_is_told_and_asked_again_next_time(runtime: Open, judge: Path) -> None:
    spec = scenario(metrics=f"{{good: {{judge: {judge}}}}}", workflows="[solve]")

    def busy(request: Request, number: int) -> None:
        if number == 8:
            raise ModelBusy("too much at once")

    async with runtime(Adder(fails=busy)) as open_:
        report = await measure(spec, open_)
    assert report.stopped.startswith("judge good left out answers: ModelBusy: too much at once")
    assert sum("good" in t.scores for t in report.trials) == 5
    async with runtime(again := Adder()) as open_:
        report = await measure(spec, open_)
    assert not report.stopped and len(again.seen) == 1
    assert all("good" in t.scores for t in report.trials)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("gold]", "rubric]", "no field 'rubric' for 'rubric'"),
        ("response, gold]", "gold]", "takes no input 'response' or 'answer'"),
    ],
)
async def test_judges_that_do_not_fit_are_refused_at_once(
    runtime: Open, judging: Write, old: str, new: str, says: str
) -> None:
    judge = judging("0.5 if question else None", old, new)
    async with runtime(adder := Adder()) as open_:
        with pytest.raises(InputError, match=says):
            await measure(scenario(metrics=f"{{good: {{judge: {judge}}}}}"), open_)
    assert not adder.seen


async def test_a_grade_off_the_scale_is_left_out_and_told(runtime: Open, judging: Write) -> None:
    judge = judging("7 if response == gold else 0.5")
    spec = scenario(metrics=f"{{fine: {{judge: {judge}}}}}", workflows="[solve]")
    adder = Adder(wrong=lambda request, number: number in (1, 2))
    async with runtime(adder) as open_:
        runner = Runner(spec, open_)
        report = await runner.run()
    right = sum(t.right for t in report.trials)
    told = [f"judge fine gave {right} grades that are no number from 0 to 1: left out"]
    assert right > 1 and not report.stopped and runner.judges.warnings == told
    assert all(t.scores == ({} if t.right else {"fine": 0.5}) for t in report.trials)
    assert all(t.grading.calls == 1 for t in report.trials)
    async with runtime(again := Adder()) as open_:
        runner = Runner(spec, open_)
        assert [t.scores for t in (await runner.found()).trials] == [t.scores for t in report.trials]
        assert runner.judges.warnings == told and not (await runner.run()).stopped
        assert runner.judges.warnings == told and not again.seen


async def test_a_judge_that_said_nothing_is_not_asked_again(runtime: Open, judging: Write) -> None:
    judge = judging("None if response == gold else 0.5")
    spec = scenario(metrics=f"{{fine: {{judge: {judge}}}}}", workflows="[solve]")
    async with runtime(Adder()) as open_:
        first = await measure(spec, open_)
    assert not first.stopped and all(t.right and t.scores == {} for t in first.trials)
    async with runtime(again := Adder()) as open_:
        runner = Runner(spec, open_)
        report = await runner.run()
    assert (report.stopped, runner.judges.warnings, again.seen) == ("", [], [])
    assert sum(t.grading.calls for t in report.trials) == sum(t.grading.calls for t in first.trials)


async def test_what_judges_need_of_an_item_is_known_before_the_items_are_read(
    runtime: Open, judging: Write
) -> None:
    judge = judging("0.5 if response and gold else 0", "gold]", "gold, rubric]")
    async with runtime(Adder()) as open_:
        plain = scenario(metrics="[exact]")
        graded = scenario(metrics=f"{{fine: {{judge: {judge}}}, exact: exact}}")
        assert needed_by(plain, open_) == frozenset()
        assert needed_by(graded, open_) == {"question", "rubric"}
        item = Item(id="a", inputs={"question": "a?", "rubric": "short"}, gold=("1",))
        one = replace(trial(0, "solve", 1), item="a", answer="2")
        judges = Judges(graded, open_, {}, [item])
        (asked,) = judges._asked(one)
    assert asked.task.item.inputs == {"question": "a?", "response": "2", "gold": "1", "rubric": "short"}


def fails(request: Request, number: int) -> None:
    raise AssertionError("asked")


async def test_programs_are_run_only_where_that_was_allowed(runtime: Open) -> None:
    spec = scenario(data="{generate: code, n: 2}", kind=None)
    async with runtime(Adder(fails=fails)) as open_:
        with pytest.raises(InputError, match="allow it with --allow-code"):
            await Runner(spec, open_).run()


@pytest.mark.usefixtures("barriers")
async def test_a_program_is_run_once_however_often_it_is_graded() -> None:
    spec = scenario(data="{generate: code, n: 1}", kind=None, allow_code="true")
    item = Item(id="a", inputs={}, gold=("assert f(1) == 2",))
    grader, program = Grader(spec), "def f(x):\n    return x + 1"
    await grader.ahead([(program, item), (None, item), (program, item)])
    assert grader.grade(program, item, "code").right and not grader.grade(None, item, "code").right
    assert len(grader._known) == 1
    token = CODE_ALLOWED.set(True)
    try:
        Grader(scenario(data="{generate: code, n: 1}", kind=None)).ready()
    finally:
        CODE_ALLOWED.reset(token)
