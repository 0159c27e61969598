"""Internal consistency by hand: which layers foresee what the last one says."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.consistency import calibrate, internal_consistency, predictions
from rebut.errors import InputError

PATH = ((0.9, 0.1), (0.6, 0.4), (0.4, 0.6), (0.2, 0.8))


def test_without_calibration_the_most_probable_label_of_a_layer_counts() -> None:
    assert predictions(PATH) == (0, 0, 1, 1)
    assert internal_consistency(PATH) == 2


def test_with_calibration_a_layer_counts_for_the_label_that_is_above_what_is_usual() -> None:
    usual = (0.95, 0.05, 0.7, 0.3, 0.3, 0.7, 0.5, 0.5)
    assert predictions(PATH, usual) == (1, 1, 0, 1)
    assert internal_consistency(PATH, usual) == 3


def test_a_label_at_its_quantile_is_worth_one_part_of_their_number() -> None:
    layer = (0.4, 0.3, 0.3)
    assert predictions([layer], (0.4, 0.4, 0.4)) == (0,)  # z = 1/3, 0, 0
    assert predictions([layer], (0.4, 0.2, 0.4)) == (1,)  # z = 1/3, 1, 0
    assert predictions([layer], (0.3, 0.1, 0.4)) == (1,)  # z = 1, 1, 0: the second stands out more


@pytest.mark.parametrize("paths", [1, 2, 3, 5])
def test_the_quantile_of_two_labels_is_the_median(paths: int) -> None:
    values = [i / 10 for i in range(paths)]
    assert calibrate([[(v, 1 - v)] for v in values])[0] == pytest.approx(median(values))


def test_three_labels_have_the_quantile_of_two_thirds_layer_by_layer() -> None:
    paths = [[(v, 0.0, 1 - v), (0.1, 0.2, 0.7)] for v in (0.0, 0.3, 0.6, 0.9)]
    assert calibrate(paths) == pytest.approx((0.6, 0.0, 0.7, 0.1, 0.2, 0.7))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_consistency_is_from_one_to_the_number_of_layers(layers: list[tuple[float, float]]) -> None:
    found = internal_consistency(layers)
    assert 1 <= found <= len(layers)
    assert internal_consistency([layers[-1]] * len(layers)) == len(layers)
    assert internal_consistency(layers, [0.0] * (2 * len(layers))) >= 1


@pytest.mark.parametrize(
    ("layers", "calibration", "says"),
    [
        ([], [], "no layers"),
        ([(1.0,)], [], "two labels or more"),
        ([(0.5, 0.5), (1.0,)], [], "two labels or more"),
        ([(0.5, float("nan"))], [], "no finite number"),
        (PATH, [0.5] * 7, "holds 7 numbers, 4 layers with 2 labels need 8"),
    ],
)
def test_figures_that_do_not_fit_are_refused(
    layers: list[tuple[float, ...]], calibration: list[float], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        internal_consistency(layers, calibration)


def test_paths_of_different_networks_calibrate_nothing() -> None:
    with pytest.raises(InputError, match="no paths"):
        calibrate([])
    with pytest.raises(InputError, match="differ"):
        calibrate([PATH, PATH[:2]])
