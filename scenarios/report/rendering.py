"""The page itself: everything in one file of HTML, with a policy that forbids it the network."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .. import wording
from ..confidence import calibrated
from ..deliberation import Inside, inside
from ..runner import Report, by_label
from ..spec import ScenarioSpec
from ..statistics.seeds import SeedVariance, seed_variance
from ..subsampling import fewer
from ..summary import Line, summary
from ..worth import GAMMA, worth
from . import words
from .details import WHOLE, details, length_of, level
from .flips import difficulty, flips
from .plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Offer, Plot, plot
from .reading import Evidence
from .spending import spending
from .sureness import SIDE, sure

if TYPE_CHECKING:
    from jinja2 import Environment, Template

Shown = Callable[[float], str]

LINKS = 60
"""Items that are named in a list of changes; the rest is counted."""


def page(evidence: Evidence, *, version: str, now: float, most: int = 20_000) -> str:
    """The page.

    Args:
        version: of rebut, which makes the page.
        now: when it is made, in seconds since the epoch.
        most: characters that are shown of each transcript; fewer where all together would be more than
            `WHOLE`. 0 leaves the transcripts out.
    """
    report = evidence.report
    lines = summary(report)
    height = level(map(length_of, evidence.talks.values()), WHOLE, most)
    shown = details(evidence, height)
    numbers = {label: number for number, label in enumerate(report.labels, 1)}
    style, script = _text("page.css"), _text("page.js")
    return _template().render(
        spec=report.spec,
        report=report,
        title=report.spec.title or report.spec.name,
        facts=facts(evidence, version, now),
        missing=evidence.missing,
        numbers=numbers,
        made_of={label: made_of(report.spec, label) for label in report.labels},
        lines=lines,
        headline=headline(lines, report.base),
        plots=plots(lines, numbers),
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        ranks=worth(lines),
        gamma=GAMMA,
        seeds=seeds_of(report),
        flips=flips(report),
        inside=[told for one in _inside(evidence) if (told := _told_inside(one))],
        fewer=fewer(report, evidence.courses, _kinds(evidence)),
        sure=[sure(one) for one in calibrated(report, evidence.courses)],
        side=SIDE,
        places={item.id: item.at for item in shown},
        links=LINKS,
        difficulty=difficulty(report),
        spending=spending(report, evidence.talks),
        items=shown,
        most=height,
        left=sum(played.left for item in shown for played in item.trials),
        style=_raw(style),
        script=_raw(script),
        policy=policy(style, script),
    )


def _inside(evidence: Evidence) -> list[Inside]:
    return inside(evidence.report, evidence.courses, _kinds(evidence))


def _kinds(evidence: Evidence) -> dict[str, str]:
    return {entrant.label: entrant.workflow.kind for entrant in evidence.entrants}


def _told_inside(one: Inside) -> dict[str, Any] | None:
    """What went on inside of a contender, as the page puts it; None where one answer was all there was."""
    exchanges: list[dict[str, Any]] = []
    for exchange in one.exchanges:
        columns = wording.columns(exchange.rounds)
        exchanges.append(
            {
                "name": exchange.name,
                "size": wording.size(exchange),
                "columns": columns,
                "rows": list(zip(*(cells for _, cells in columns), strict=True)),
                "flips": exchange.flips,
                "told": list(wording.whole(exchange)),
            }
        )
    notes = list(wording.notes(one))
    if not notes and all(len(exchange["columns"]) < 2 for exchange in exchanges):
        return None
    return {"inside": one, "exchanges": exchanges, "notes": notes}


def seeds_of(report: Report) -> dict[str, SeedVariance]:
    """By entrant, how its share varies from seed to seed; empty where there is one seed only."""
    found: dict[str, SeedVariance] = {}
    for label, trials in by_label(report).items():
        rights = {(trial.item, trial.seed): float(trial.right) for trial in trials}
        items, seeds = dict.fromkeys(t.item for t in trials), sorted({t.seed for t in trials})
        if len(seeds) > 1:
            found[label] = seed_variance([[rights.get((item, seed)) for seed in seeds] for item in items])
    return found


def policy(style: str, script: str) -> str:
    """The content policy: this style and this script by their hashes, and nothing from anywhere else."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def facts(evidence: Evidence, version: str, now: float) -> list[tuple[str, str]]:
    """What the page is about, as names and values; those without a value are left out."""
    report, spec = evidence.report, evidence.report.spec
    infos = list(evidence.runs.values())
    began = [info.start.started for info in infos]
    ended = [info.result.finished for info in infos if info.result.finished is not None]
    models = {model: None for entrant in evidence.entrants for model in entrant.models.values()}
    items = len({trial.item for trial in report.trials})
    made = sorted({info.version for info in infos})
    told = [
        ("Scenario", spec.name),
        ("Task from", spec.cite),
        ("Data", _data(spec)),
        ("Models", ", ".join(models)),
        ("Items", f"{items:,}" + (f", each with {len(spec.seeds)} seeds" if len(spec.seeds) > 1 else "")),
        ("Trials", f"{len(report.trials):,} of {report.wanted:,}"),
        ("Answers", f"of kind {spec.kind}"),
        ("Compared with", report.base if len(report.labels) > 1 else ""),
        ("Used", f"{words.amount(report.usage.tokens)} tokens, {words.money(report.usage.usd)}"),
        ("Trials made", words.span(min(began), max(ended or began)) if began else ""),
        ("By", "rebut " + ", ".join(made) if made else ""),
        ("Page made", f"{words.moment(now)} by rebut {version}"),
    ]
    return [(name, value) for name, value in told if value]


def _data(spec: ScenarioSpec) -> str:
    data = spec.data
    return data.file or f"made by the generator {data.generate} (seed {data.seed})"


def headline(lines: Sequence[Line], base: str) -> list[str]:
    """What the figures say in words: who is right most often, and what of that may be chance."""
    most = max(line.right for line in lines)
    if not most:
        return ["No workflow is right on any item."]
    best = [line for line in lines if line.right == most]
    low, high = best[0].interval
    who = " and ".join(line.label for line in best) + (" is" if len(best) == 1 else " are")
    told = [f"{who} right most often: {words.percent(most)}."]
    if len({line.interval for line in best}) == 1:
        told[0] = f"{told[0][:-1]} (95 % interval {words.percent(low, 0)} to {words.percent(high, 0)})."
    compared = [(line, line.p_holm) for line in lines if line.p_holm is not None]
    sure = [(line, p) for line, p in compared if p < 0.05]
    told += [f"{_difference(line)} than {base} ({_p(p)})." for line, p in sure]
    if compared and not sure:
        told.append(f"No difference from {base} is beyond what chance alone would give (p < 0.05, by Holm).")
    return told


def _p(p: float) -> str:
    told = words.probability(p)
    return f"p < {told[1:]}" if told.startswith("<") else f"p = {told}"


def _difference(line: Line) -> str:
    gain = line.gain or 0.0
    word = "more" if gain > 0 else "less"
    return f"{line.label} is {words.points(abs(gain))[1:]} points {word} often right"


def plots(lines: Sequence[Line], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    """Accuracy against tokens, and against dollars where all prices are known and something costs."""
    costs: list[tuple[str, Shown, Shown, list[float | None]]] = [
        ("tokens", words.amount, words.amount, [line.tokens for line in lines]),
        ("dollars", words.money, words.price, [line.usd for line in lines]),
    ]
    found: list[dict[str, Any]] = []
    for unit, shown, tick, values in costs:
        known = [value for value in values if value is not None]
        made = plot(_offers(lines, numbers, known)) if len(known) == len(lines) else None
        if made is not None:
            told = _told(made, unit, shown)
            found.append({"unit": unit, "shown": shown, "tick": tick, "plot": made, "told": told})
    return found


def _offers(lines: Sequence[Line], numbers: Mapping[str, int], costs: Sequence[float]) -> list[Offer]:
    return [
        Offer(
            number=numbers[line.label], label=line.label, right=line.right, interval=line.interval, cost=cost
        )
        for line, cost in zip(lines, costs, strict=True)
    ]


def _told(made: Plot, unit: str, shown: Shown) -> str:
    """The plot in words."""
    parts = [
        f"{mark.offer.number}, {mark.offer.label}: {words.percent(mark.offer.right)} right "
        f"({words.percent(mark.offer.interval.low, 0)} to {words.percent(mark.offer.interval.high, 0)}) "
        f"for {shown(mark.offer.cost)}{' tokens' if unit == 'tokens' else ''} a trial"
        + (", on the frontier" if mark.best else "")
        for mark in made.marks
    ]
    return "; ".join(parts) + "."


def made_of(spec: ScenarioSpec, label: str) -> str:
    """The workflow behind an entrant's label and what it changes of it; empty where the label says it."""
    own = next((c for c in spec.contenders if c.label == label.partition(" @ ")[0]), None)
    if own is None or (own.workflow == own.label and not own.params):
        return ""
    params = ", ".join(f"{name}={value}" for name, value in own.params.items())
    return words.cut(own.workflow + (f", {params}" if params else ""), 200).text


@cache
def _text(name: str) -> str:
    return (files(__name__.rpartition(".")[0]) / name).read_text("utf-8")


def _raw(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


@cache
def _template() -> Template:
    from jinja2 import BaseLoader, Environment, StrictUndefined

    environment: Environment = Environment(
        loader=BaseLoader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: words.visible(value) if type(value) is str else value,
    )
    filters: Any = environment.filters
    for each in (words.percent, words.points, words.probability, words.amount, words.money, words.clock):
        filters[each.__name__] = each
    filters.update(many=words.many, place=lambda value: f"{value:.1f}")
    return environment.from_string(_text("page.html"))
