"""Statistics of scenarios: pure functions of plain numbers, each after its source.

What does not fit (empty, not finite, of unlike lengths) raises InputError and names the place; what has no
value for the data at hand (a correlation with a constant, AUROC of one class) is None, never a default.
"""

from __future__ import annotations

from .agreement import cohen, fleiss, krippendorff
from .calibration import (
    Bin,
    Point,
    aurc,
    brier,
    coverage_at,
    ece,
    excess_aurc,
    reliability,
    risk_coverage,
)
from .means import Estimate, Interval, accuracy, clopper_pearson, mean, miller_error, wilson
from .paired import Tested, clustered, difference, discordant, holm, mcnemar, paired_t, wilcoxon
from .passing import all_at_k, mean_pass_at_k, pass_at_k
from .power import detectable, items_needed, items_to_differ, power_of
from .ranks import auroc, kendall, pearson, ranks, spearman
from .resampling import Bootstrapped, bootstrap, bootstrap_difference
from .seeds import SeedVariance, seed_variance
from .texts import bleu, diversity, exact_match, f1

__all__ = [
    "Bin",
    "Bootstrapped",
    "Estimate",
    "Interval",
    "Point",
    "SeedVariance",
    "Tested",
    "accuracy",
    "all_at_k",
    "aurc",
    "auroc",
    "bleu",
    "bootstrap",
    "bootstrap_difference",
    "brier",
    "clopper_pearson",
    "clustered",
    "cohen",
    "coverage_at",
    "detectable",
    "difference",
    "discordant",
    "diversity",
    "ece",
    "exact_match",
    "excess_aurc",
    "f1",
    "fleiss",
    "holm",
    "items_needed",
    "items_to_differ",
    "kendall",
    "krippendorff",
    "mcnemar",
    "mean",
    "mean_pass_at_k",
    "miller_error",
    "paired_t",
    "pass_at_k",
    "pearson",
    "power_of",
    "ranks",
    "reliability",
    "risk_coverage",
    "seed_variance",
    "spearman",
    "wilcoxon",
    "wilson",
]
