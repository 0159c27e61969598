"""The statistics give what SciPy, statsmodels, scikit-learn, krippendorff and NLTK give, to 1e-9.

The fast tests compare with numbers that those gave once (`references.json`). Where they are installed,
``pytest -m slow tests/scenarios/statistics`` asks them again on more data, and REFERENCES=write makes the
file anew.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

import pytest

from rebut.scenarios.statistics import resampling

from .samples import FILE, OURS, STORED, Data, stored

LIBRARIES = ("numpy", "scipy", "statsmodels", "sklearn", "krippendorff", "nltk")


@pytest.fixture
def theirs() -> Any:
    """The same numbers by other people's code."""
    for library in LIBRARIES:
        pytest.importorskip(library)
    from .references import THEIRS

    return THEIRS


@pytest.mark.parametrize("name", OURS)
def test_a_statistic_gives_what_its_reference_gave(name: str) -> None:
    given = [OURS[name](Data(seed)) for seed in STORED]
    for ours, reference in zip(given, stored()[name], strict=True):
        assert ours == pytest.approx(reference, rel=1e-9, abs=1e-12)


def test_no_reference_is_stored_for_what_is_no_longer_there() -> None:
    assert set(stored()) == set(OURS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("name", OURS)
def test_a_statistic_gives_what_its_reference_gives_on_random_data(name: str, theirs: Any) -> None:
    for seed in range(1_000, 1_100):
        ours, reference = OURS[name](Data(seed)), theirs[name](Data(seed))
        assert ours == pytest.approx(reference, rel=1e-9, abs=1e-11), seed


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::Warning")
def test_the_stored_references_are_what_the_libraries_give(theirs: Any) -> None:
    fresh = {name: [theirs[name](Data(seed)) for seed in STORED] for name in OURS}
    if os.environ.get("REFERENCES") == "write":
        FILE.write_text(json.dumps(fresh, indent=1) + "\n")
    kept = stored()
    for name in OURS:
        for one, other in zip(fresh[name], kept[name], strict=True):
            assert one == pytest.approx(other, rel=1e-9, abs=1e-12), name


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(20))
def test_the_ends_of_bca_are_those_of_scipy_on_the_same_resamples(seed: int) -> None:
    stats, numpy = pytest.importorskip("scipy.stats"), pytest.importorskip("numpy")
    random = Random(seed)
    values = [random.expovariate(1) for _ in range(30)]
    found = stats.bootstrap((values,), numpy.mean, method="BCa", n_resamples=499, rng=seed)
    resampled = [float(one) for one in found.bootstrap_distribution]
    left_out = [(sum(values) - one) / 29 for one in values]
    ends = resampling.bca(float(numpy.mean(values)), resampled, left_out)
    assert ends == pytest.approx(tuple(found.confidence_interval), rel=1e-9)
    plain = stats.bootstrap(
        (values,), numpy.mean, method="percentile", n_resamples=0, bootstrap_result=found
    ).confidence_interval
    assert resampling.percentile(resampled) == pytest.approx(tuple(plain), rel=1e-9)
