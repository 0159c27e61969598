"""What went on inside of the trials of each contender: rounds, flips, agreement, routes, notes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ..agents.answers import correct
from ..graphs.runtime import Runtime
from .courses import EVENTS, Course, course
from .measures.changes import Transitions, transitions
from .measures.deliberation import Deliberation
from .measures.exchange import (
    FlipMatrix,
    Influence,
    RoundAgreement,
    agreement_by_round,
    flip_matrix,
    influence,
)
from .measures.judges import PositionBias, Routing, position_bias, routing
from .measures.rethinking import Correction, correction
from .outlines import outline
from .runner import Report, by_label
from .statistics.agreement import krippendorff
from .statistics.means import Estimate, mean
from .statistics.texts import diversity
from .trials import Entrant, Trial, cluster_of
from .turns import Row, Track

AT_ONCE = 200
"""Runs whose events are read at once."""
COMPARED = 60
"""Trials of a contender whose texts are compared for their diversity: it costs much, and varies little."""
NAMED = ("choice", "yesno")
"""Kinds of answers that come from one small set for all items: chance agreement means something there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of an exchange.

    Attributes:
        round: from 1.
        changes: of all answers from the round before to this one; None for the first, and where it is not
            known what is right. Items that ended earlier are left out.
        gain: of the share of right answers over that step, its error clustered by item or group.
        agreement: of the agents; an item that ended earlier keeps its last round. None for one agent alone.
        alpha: Krippendorff's, where answers come from one small set; None elsewhere, or where nothing varies.
        diversity: 100 - SelfBLEU of what was said, the mean over `compared` trials; None for one agent alone.
    """

    round: int
    changes: Transitions | None = None
    gain: Estimate | None = None
    agreement: RoundAgreement | None = None
    alpha: float | None = None
    diversity: float | None = None
    compared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What agents answered in the places of one name, over the trials that have it.

    Attributes:
        name: that of the place in the workflow's file.
        trials: how many have it; `seats` answers there in the mean trial, `used` rounds.
        flips: from the first round to the last; None for one round, or where it is not known what is right.
        influence: what agents made of each other's answers; None likewise, and for one agent alone.
        correction: confidence level, critique score and RSS of first and last answers; None likewise.
    """

    name: str
    trials: int
    seats: float
    used: float
    rounds: tuple[Round, ...]
    flips: FlipMatrix | None = None
    influence: Influence | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Nodes that some trials came to and others did not: the hard way of a router, a second look."""

    nodes: tuple[str, ...]
    taken: Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A contender from inside.

    Attributes:
        read: trials whose course is known; the others have no events in the store.
        exchanges: where its answers were exchanged; the one that its answer comes from first.
        ways: the nodes that were not on every trial's way.
        noted: how often each thing worth a note happened: ``reasked``, ``repaired``, ``abstained``, ...
        position: what the order of two answers did to a judge that saw both orders; None where none did.
    """

    label: str
    read: int
    exchanges: tuple[Exchange, ...]
    ways: tuple[Way, ...]
    noted: Mapping[str, int]
    position: PositionBias | None = None


async def courses(report: Report, entrants: Sequence[Entrant], runtime: Runtime) -> dict[str, Course]:
    """The course of each trial, by its run; trials that the store has no events of are left out.

    Raises:
        StoreError: the store fails.
    """
    if runtime.store is None:
        return {}
    lines = {entrant.label: outline(entrant.workflow.spec) for entrant in entrants}
    found: dict[str, Course] = {}
    for start in range(0, len(report.trials), AT_ONCE):
        chunk = report.trials[start : start + AT_ONCE]
        events = await runtime.store.happenings([trial.run for trial in chunk], EVENTS)
        for trial in chunk:
            if trial.run in events:
                found[trial.run] = course(events[trial.run], trial.answer, lines[trial.label])
    return found


def inside(report: Report, found: Mapping[str, Course], kinds: Mapping[str, str]) -> list[Inside]:
    """Every contender that has a trial with a course.

    Args:
        kinds: of the answers, by label.
    """
    told: list[Inside] = []
    for label, trials in by_label(report).items():
        pairs = [(trial, found[trial.run]) for trial in trials if trial.run in found]
        if pairs:
            told.append(_inside(label, pairs, kinds.get(label, "auto")))
    return told


Pairs = Sequence[tuple[Trial, Course]]


def _inside(label: str, pairs: Pairs, kind: str) -> Inside:
    orders = [pair for _, run in pairs for pair in run.orders]
    read = any(one is not None and other is not None for one, other in orders)
    noted = sum((Counter(run.noted) for _, run in pairs), Counter[str]())
    return Inside(
        label=label,
        read=len(pairs),
        exchanges=tuple(_exchange(name, pairs, kind) for name in main(pairs)),
        ways=_ways(pairs),
        noted=dict(noted.most_common()),
        position=position_bias(orders) if read else None,
    )


def main(pairs: Pairs) -> list[str]:
    """The names whose exchanges are worth telling: first that which the answers come from.

    That is the name that most often holds the trial's answer; of several the one with most rounds, then with
    most answers. Others follow where they have several rounds of answers that are in no name before them.
    """
    holds, rounds, turns = Counter[str](), Counter[str](), defaultdict[str, set[tuple[str, str, int]]](set)
    several = set[str]()
    for trial, run in pairs:
        for name, track in run.tracks.items():
            holds[name] += _holds(track, trial.answer)
            rounds[name] += track.length
            turns[name] |= {(trial.run, *key) for key in track.made()}
            several |= {name} if track.length > 1 else set()
    order = sorted(turns, key=lambda name: (-holds[name], -rounds[name], -len(turns[name]), name))
    chosen: list[str] = []
    for name in order:
        new = all(turns[name].isdisjoint(turns[other]) for other in chosen)
        if not chosen or (name in several and new):
            chosen.append(name)
    return chosen


def _holds(track: Track, answer: str | None) -> bool:
    rows = [*track.rounds, *(row for pair in track.more for row in pair)]
    return answer is not None and any(
        turn is not None and turn.answer == answer for row in rows for turn in row
    )


@dataclass(frozen=True, slots=True)
class _Talk:
    """A trial's track with its answers in one form."""

    trial: Trial
    track: Track
    first: Deliberation
    later: tuple[Deliberation, ...]


def _exchange(name: str, pairs: Pairs, kind: str) -> Exchange:
    talks = [_talk(trial, run.tracks[name], kind) for trial, run in pairs if name in run.tracks]
    known = [talk for talk in talks if talk.first.gold is not None]
    several = len({len(talk.first.rounds[0]) for talk in talks}) > 1 or len(talks[0].first.rounds[0]) > 1
    longest = max(talk.track.length for talk in talks)
    moved = known if longest > 1 else []
    firsts = [talk.first for talk in moved]
    return Exchange(
        name=name,
        trials=len(talks),
        seats=fmean(len(talk.first.rounds[0]) for talk in talks),
        used=fmean(talk.track.length for talk in talks),
        rounds=_rounds(talks, longest, kind, several=several),
        flips=flip_matrix(firsts) if firsts else None,
        influence=influence(firsts) if firsts and several else None,
        correction=_correction(moved) if moved else None,
    )


def _talk(trial: Trial, track: Track, kind: str) -> _Talk:
    first = _deliberation(track.rounds, trial, kind)
    return _Talk(trial, track, first, tuple(_deliberation(pair, trial, kind) for pair in track.more))


def _deliberation(rows: Sequence[Row], trial: Trial, kind: str) -> Deliberation:
    """Answers in one form: those that are accepted are the first of the accepted."""
    gold = next((gold for gold in trial.gold if gold.strip()), None)
    said = {turn.answer for row in rows for turn in row if turn is not None and turn.answer is not None}
    form = {answer: gold if gold and _right(answer, trial.gold, kind) else answer for answer in said}
    rounds = [
        [None if turn is None or turn.answer is None else form[turn.answer] for turn in row] for row in rows
    ]
    return Deliberation.of(rounds, gold, kind)


def _right(answer: str, golds: Sequence[str], kind: str) -> bool:
    return any(correct(answer, gold, kind) for gold in golds)


def _rounds(talks: Sequence[_Talk], longest: int, kind: str, *, several: bool) -> tuple[Round, ...]:
    agreements = agreement_by_round([talk.first for talk in talks]) if several else ()
    some = talks[:: max(1, len(talks) // COMPARED)][:COMPARED] if several else ()
    rounds: list[Round] = []
    for at in range(longest):
        steps = [step for talk in talks if (step := _step(talk, at)) is not None]
        unlike = [value for talk in some if (value := _unlike(talk.track, at)) is not None]
        rounds.append(
            Round(
                round=at + 1,
                changes=_changes(steps),
                gain=_gain(steps),
                agreement=agreements[at] if at < len(agreements) else None,
                alpha=_alpha(talks, at) if several and kind in NAMED else None,
                diversity=fmean(unlike) if unlike else None,
                compared=len(unlike),
            )
        )
    return tuple(rounds)


Step = tuple[Trial, tuple[bool, ...], tuple[bool, ...]]


def _step(talk: _Talk, at: int) -> Step | None:
    """What was right before round `at`, from 0, and in it; None where there is no such step."""
    if talk.first.gold is None or at == 0:
        return None
    if at < len(talk.first.rounds):
        return talk.trial, talk.first.right(at - 1), talk.first.right(at)
    later = at - len(talk.first.rounds)
    if later < len(talk.later):
        return talk.trial, talk.later[later].right(0), talk.later[later].right(1)
    return None


def _changes(steps: Sequence[Step]) -> Transitions | None:
    before = [right for _, rights, _ in steps for right in rights]
    return transitions(before, [right for _, _, rights in steps for right in rights]) if steps else None


def _gain(steps: Sequence[Step]) -> Estimate | None:
    gains = [
        (float(new) - float(old), cluster_of(trial))
        for trial, before, after in steps
        for old, new in zip(before, after, strict=True)
    ]
    return mean([gain for gain, _ in gains], groups=[group for _, group in gains]) if gains else None


def _alpha(talks: Sequence[_Talk], at: int) -> float | None:
    units = [talk.first.until(at + 1).rounds[at] for talk in talks]
    if not any(sum(answer is not None for answer in unit) > 1 for unit in units):
        return None
    return krippendorff(units)


def _unlike(track: Track, at: int) -> float | None:
    if at >= len(track.rounds):
        return None
    texts = [turn.text for turn in track.rounds[at] if turn is not None and turn.text]
    return diversity(texts) if len(texts) > 1 else None


def _correction(talks: Sequence[_Talk]) -> Correction:
    """Every seat is an attempt at its item: its first answer, and its last."""
    items: dict[str, list[tuple[bool, bool]]] = {}
    for talk in talks:
        ends = talk.later[-1] if talk.later else talk.first
        last = ends.right(len(ends.rounds) - 1)
        items.setdefault(talk.trial.item, []).extend(zip(talk.first.right(0), last, strict=True))
    return correction(list(items.values()))


def _ways(pairs: Pairs) -> tuple[Way, ...]:
    """Nodes by the trials that came to them; a run that its budget ended early came to fewer."""
    whole = [(trial, run) for trial, run in pairs if trial.stop == "answered"]
    by_trials: dict[tuple[bool, ...], list[str]] = {}
    for node in dict.fromkeys(node for _, run in whole for node in run.visited):
        came = tuple(node in run.visited for _, run in whole)
        if not all(came):
            by_trials.setdefault(came, []).append(node)
    right = [trial.right for trial, _ in whole]
    return tuple(Way(nodes=tuple(nodes), taken=routing(came, right)) for came, nodes in by_trials.items())
