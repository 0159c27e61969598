"""Random data for the statistics, and what they make of it: compared with other people's code.

`OURS` names each number that has a reference; `references.py` computes the same with SciPy, statsmodels,
scikit-learn and others, and `references.json` holds what they gave for the seeds `STORED`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rebut.scenarios import statistics as s
from rebut.scenarios.statistics import distributions, texts

STORED = range(6)
FILE = Path(__file__).with_name("references.json")
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "another", "that", "there", ",", "too", "."]


@dataclass(frozen=True)
class Data:
    """Lists of one length, with ties and noise, drawn from a seed."""

    seed: int
    n: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", self._random("n").randint(8, 60))

    def _random(self, what: str) -> Random:
        return Random(f"{what} {self.seed}")

    def reals(self, what: str) -> list[float]:
        random = self._random(what)
        return [random.gauss(1, 2) for _ in range(self.n)]

    def whole(self, what: str, most: int = 5) -> list[int]:
        """Numbers from 1 to `most`, all of which occur."""
        random = self._random(what)
        return [*range(1, most + 1), *(random.randint(1, most) for _ in range(self.n - most))]

    def shares(self, what: str) -> list[float]:
        random = self._random(what)
        return [round(random.random(), random.choice((2, 6))) for _ in range(self.n)]

    def truths(self, what: str) -> list[bool]:
        random = self._random(what)
        return [True, False, *(random.random() < 0.6 for _ in range(self.n - 2))]

    def number(self, what: str, low: float, high: float) -> float:
        return self._random(what).uniform(low, high)

    def units(self, missing: float) -> list[list[int | None]]:
        """Ratings of `n` units by four raters, some of them missing; the first unit is rated by all."""
        random = self._random("units")
        rows: list[list[int | None]] = [[1, 2, 3, 5]]
        for _ in range(self.n):
            true = random.randint(1, 5)
            rated = [true if random.random() < 0.6 else random.randint(1, 5) for _ in range(4)]
            rows.append([None if random.random() < missing else rating for rating in rated])
        return rows

    def texts(self) -> list[str]:
        random = self._random("texts")
        return [" ".join(random.choices(WORDS, k=random.randint(4, 12))) for _ in range(5)]


def of(value: float | None) -> float:
    """A number that must be there."""
    assert value is not None
    return value


def ends(interval: s.Interval | None) -> list[float]:
    """Both ends of an interval that must be there."""
    assert interval is not None
    return [interval.low, interval.high]


Numbers = Mapping[str, Callable[[Data], float | list[float]]]

OURS: Numbers = {
    "mean": lambda d: [s.mean(d.reals("a")).mean, of(s.mean(d.reals("a")).error)],
    "clustered error": lambda d: of(s.mean(d.reals("a"), groups=d.whole("g")).error),
    "normal interval": lambda d: ends(s.mean(d.reals("a")).interval(0.9)),
    "student interval": lambda d: ends(s.mean(d.reals("a")).interval(0.99, student=True)),
    "wilson": lambda d: ends(s.wilson(sum(d.truths("y")), d.n, d.number("level", 0.5, 0.999))),
    "clopper-pearson": lambda d: ends(
        s.clopper_pearson(sum(d.truths("y")), d.n, d.number("level", 0.5, 0.999))
    ),
    "student tails": lambda d: distributions.student_tails(d.number("t", 0, 40), d.number("df", 1, 300)),
    "student quantile": lambda d: distributions.student_quantile(
        d.number("level", 0.01, 0.9999), d.number("df", 1, 300)
    ),
    "incomplete beta": lambda d: distributions.incomplete_beta(
        d.number("x", 0, 1), d.number("a", 0.1, 500), d.number("b", 0.1, 500)
    ),
    "mcnemar": lambda d: s.mcnemar(*_flips(d)).p,
    "mcnemar mid-p": lambda d: s.mcnemar(*_flips(d), mid_p=True).p,
    "paired t": lambda d: _test(s.paired_t(d.reals("a"), d.reals("b"))),
    "wilcoxon exact": lambda d: _test(s.wilcoxon(d.reals("a")[:40], d.reals("b")[:40])),
    "wilcoxon normal": lambda d: _test(s.wilcoxon(*_long(d))),
    "holm": lambda d: list(s.holm(d.shares("p"))),
    "seeds": lambda d: [of(s.seed_variance(_table(d)).within), of(s.seed_variance(_table(d)).between)],
    "cohen": lambda d: of(s.cohen(d.whole("a"), d.whole("b"))),
    "cohen linear": lambda d: of(s.cohen(d.whole("a"), d.whole("b"), weights="linear")),
    "cohen quadratic": lambda d: of(s.cohen(d.whole("a"), d.whole("b"), weights="quadratic")),
    "fleiss": lambda d: of(s.fleiss(d.units(0))),
    "krippendorff nominal": lambda d: of(s.krippendorff(d.units(0.3))),
    "krippendorff ordinal": lambda d: of(s.krippendorff(d.units(0.3), "ordinal")),
    "krippendorff interval": lambda d: of(s.krippendorff(d.units(0.3), "interval")),
    "pearson": lambda d: of(s.pearson(d.reals("a"), d.whole("b"))),
    "spearman": lambda d: of(s.spearman(d.whole("a"), d.shares("b"))),
    "kendall": lambda d: of(s.kendall(d.whole("a"), d.whole("b"))),
    "auroc": lambda d: of(s.auroc([round(c, 1) for c in d.shares("c")], d.truths("y"))),
    "brier": lambda d: s.brier(d.shares("c"), d.truths("y")),
    "ece": lambda d: s.ece(d.shares("c"), d.truths("y"), bins=8),
    "ece mass": lambda d: s.ece(d.shares("c"), d.truths("y"), bins=8, binning="mass"),
    "aurc": lambda d: s.aurc(d.reals("c"), d.truths("y")),
    "bleu": lambda d: [s.bleu(text, d.texts()[1:]) for text in d.texts()[:1]],
    "diversity": lambda d: s.diversity(d.texts()),
    "items needed": lambda d: s.items_needed(d.number("gap", 0.01, 0.1), d.number("variance", 0.1, 1)),
    "items to differ": lambda d: s.items_to_differ(d.number("lost", 0.01, 0.1), d.number("won", 0.11, 0.3)),
    "f1": lambda d: texts.f1(d.texts()[0], d.texts()[1:2]),
}


def _flips(d: Data) -> tuple[int, int]:
    return s.discordant(d.truths("a"), d.truths("b"))


def _test(found: s.Tested) -> list[float]:
    return [found.statistic, found.p]


def _long(d: Data) -> tuple[list[int], list[int]]:
    """Long lists with ties and equal pairs."""
    return d.whole("a") * 12, [round(3 * value) for value in d.reals("b")] * 12


def _table(d: Data) -> list[list[float]]:
    return [list(row) for row in zip(d.reals("a"), d.shares("b"), d.whole("c"), strict=True)]


def stored() -> Mapping[str, list[float | list[float]]]:
    """What the references gave, by name, for each of the seeds `STORED`."""
    found: Mapping[str, list[float | list[float]]] = json.loads(FILE.read_text())
    return found
