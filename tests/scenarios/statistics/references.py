"""The numbers of `samples.OURS` by SciPy, statsmodels, scikit-learn, krippendorff and NLTK.

None of them is a dependency of the project: only tests that ask for them import this module.
"""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import Any

from .samples import Data, Numbers


class Library:
    """A module that is imported when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


np, stats, special = Library("numpy"), Library("scipy.stats"), Library("scipy.special")
metrics, calibration = Library("sklearn.metrics"), Library("sklearn.calibration")
api, proportion = Library("statsmodels.api"), Library("statsmodels.stats.proportion")
contingency = Library("statsmodels.stats.contingency_tables")
multitest = Library("statsmodels.stats.multitest")
inter_rater, power = Library("statsmodels.stats.inter_rater"), Library("statsmodels.stats.power")
krippendorff, bleu = Library("krippendorff"), Library("nltk.translate.bleu_score")


def clustered(d: Data) -> float:
    groups = np.array(d.whole("g"))
    found = api.OLS(d.reals("a"), np.ones(d.n)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return float(found.bse[0])


def interval(d: Data, level: float, name: str) -> list[float]:
    values = d.reals("a")
    law = stats.norm() if name == "norm" else stats.t(d.n - 1)
    wide = law.ppf((1 + level) / 2) * stats.sem(values)
    return [np.mean(values) - wide, np.mean(values) + wide]


def share(d: Data, method: str) -> list[float]:
    alpha = 1 - d.number("level", 0.5, 0.999)
    return [float(end) for end in proportion.proportion_confint(sum(d.truths("y")), d.n, alpha, method)]


def mcnemar(d: Data) -> float:
    table = np.zeros((2, 2))
    for a, b in zip(d.truths("a"), d.truths("b"), strict=True):
        table[int(a), int(b)] += 1
    return float(contingency.mcnemar(table, exact=True).pvalue)


def mid_p(d: Data) -> float:
    pairs = list(zip(d.truths("a"), d.truths("b"), strict=True))
    lost, won = pairs.count((True, False)), pairs.count((False, True))
    law = stats.binom(lost + won, 0.5)
    return float(min(1, 2 * law.cdf(min(lost, won)) - law.pmf(min(lost, won)))) if lost != won else 1.0


def paired_t(d: Data) -> list[float]:
    found = stats.ttest_rel(d.reals("b"), d.reals("a"))
    return [float(found.statistic), float(found.pvalue)]


def wilcoxon(first: list[float], second: list[float], method: str) -> list[float]:
    found = stats.wilcoxon(second, first, method=method, correction=False)
    return [float(found.statistic), float(found.pvalue)]


def long(d: Data) -> tuple[list[float], list[float]]:
    return [float(x) for x in d.whole("a")] * 12, [float(round(3 * x)) for x in d.reals("b")] * 12


def seeds(d: Data) -> list[float]:
    """By the mean squares of a one-way analysis of variance."""
    table = np.array([d.reals("a"), d.shares("b"), d.whole("c")]).T
    within = table.var(axis=1, ddof=1).mean()
    return [float(within), max(0.0, float(table.mean(axis=1).var(ddof=1) - within / 3))]


def fleiss(d: Data) -> float:
    return float(inter_rater.fleiss_kappa(inter_rater.aggregate_raters(np.array(d.units(0)))[0]))


def alpha(d: Data, scale: str) -> float:
    table = np.array([[math.nan if r is None else r for r in unit] for unit in d.units(0.3)]).T
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement=scale))


def kappa(d: Data, weights: str | None) -> float:
    return float(metrics.cohen_kappa_score(d.whole("a"), d.whole("b"), weights=weights))


def ece(d: Data, strategy: str) -> float:
    """From scikit-learn's own curve, with the sizes of its bins."""
    right, sure = np.array(d.truths("y"), dtype=float), np.array(d.shares("c"))
    accuracy, confidence = calibration.calibration_curve(right, sure, n_bins=8, strategy=strategy)
    edges = (
        np.percentile(sure, np.linspace(0, 1, 9) * 100) if strategy == "quantile" else np.linspace(0, 1, 9)
    )
    sizes = np.bincount(np.searchsorted(edges[1:-1], sure), minlength=8)
    return float(np.sum(sizes[sizes > 0] * np.abs(accuracy - confidence)) / len(sure))


def aurc(d: Data) -> float:
    order = np.argsort(-np.array(d.reals("c")))
    wrong = 1 - np.array(d.truths("y"), dtype=float)[order]
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))


def sentence(said: str, references: list[str]) -> float:
    """NLTK's sentence BLEU with its smoothing 1, over orders that the text has."""
    cut = [re.findall(r"\w+|[^\w\s]", text) for text in (said, *references)]
    orders = min(4, len(cut[0]))
    smooth = bleu.SmoothingFunction().method1
    return 100 * float(bleu.sentence_bleu(cut[1:], cut[0], [1 / orders] * orders, smooth))


def diversity(d: Data) -> float:
    texts = d.texts()
    return 100 - sum(sentence(t, [*texts[:i], *texts[i + 1 :]]) for i, t in enumerate(texts)) / len(texts)


def items(gap: float, null: float, alternative: float) -> int:
    found = power.normal_sample_size_one_tail(gap, 0.8, 0.025, math.sqrt(null), math.sqrt(alternative))
    return math.ceil(float(found))


def differing(d: Data) -> int:
    lost, won = d.number("lost", 0.01, 0.1), d.number("won", 0.11, 0.3)
    return items(won - lost, lost + won, lost + won - (won - lost) ** 2)


def overlap(d: Data) -> float:
    """By sets of numbered tokens and scikit-learn's F1 over their union."""

    def numbered(text: str) -> set[tuple[str, int]]:
        words = [word for word in text.split() if word not in ("a", "the", ",", ".")]
        return {(word, words[:i].count(word)) for i, word in enumerate(words)}

    said, gold = numbered(d.texts()[0]), numbered(d.texts()[1])
    every = sorted(said | gold)
    return float(metrics.f1_score([token in gold for token in every], [token in said for token in every]))


THEIRS: Numbers = {
    "mean": lambda d: [float(np.mean(d.reals("a"))), float(stats.sem(d.reals("a")))],
    "clustered error": clustered,
    "normal interval": lambda d: interval(d, 0.9, "norm"),
    "student interval": lambda d: interval(d, 0.99, "t"),
    "wilson": lambda d: share(d, "wilson"),
    "clopper-pearson": lambda d: share(d, "beta"),
    "student tails": lambda d: float(2 * stats.t.sf(d.number("t", 0, 40), d.number("df", 1, 300))),
    "student quantile": lambda d: float(
        stats.t.isf((1 - d.number("level", 0.01, 0.9999)) / 2, d.number("df", 1, 300))
    ),
    "incomplete beta": lambda d: float(
        special.betainc(d.number("a", 0.1, 500), d.number("b", 0.1, 500), d.number("x", 0, 1))
    ),
    "mcnemar": mcnemar,
    "mcnemar mid-p": mid_p,
    "paired t": paired_t,
    "wilcoxon exact": lambda d: wilcoxon(d.reals("a")[:40], d.reals("b")[:40], "exact"),
    "wilcoxon normal": lambda d: wilcoxon(*long(d), "approx"),
    "holm": lambda d: [float(p) for p in multitest.multipletests(d.shares("p"), method="holm")[1]],
    "seeds": seeds,
    "cohen": lambda d: kappa(d, None),
    "cohen linear": lambda d: kappa(d, "linear"),
    "cohen quadratic": lambda d: kappa(d, "quadratic"),
    "fleiss": fleiss,
    "krippendorff nominal": lambda d: alpha(d, "nominal"),
    "krippendorff ordinal": lambda d: alpha(d, "ordinal"),
    "krippendorff interval": lambda d: alpha(d, "interval"),
    "pearson": lambda d: float(stats.pearsonr(d.reals("a"), d.whole("b")).statistic),
    "spearman": lambda d: float(stats.spearmanr(d.whole("a"), d.shares("b")).statistic),
    "kendall": lambda d: float(stats.kendalltau(d.whole("a"), d.whole("b")).statistic),
    "auroc": lambda d: float(metrics.roc_auc_score(d.truths("y"), [round(c, 1) for c in d.shares("c")])),
    "brier": lambda d: float(metrics.brier_score_loss(d.truths("y"), d.shares("c"))),
    "ece": lambda d: ece(d, "uniform"),
    "ece mass": lambda d: ece(d, "quantile"),
    "aurc": aurc,
    "bleu": lambda d: [sentence(d.texts()[0], d.texts()[1:])],
    "diversity": diversity,
    "items needed": lambda d: items(d.number("gap", 0.01, 0.1), *[d.number("variance", 0.1, 1)] * 2),
    "items to differ": differing,
    "f1": overlap,
}
