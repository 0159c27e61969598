"""Internal consistency: how many layers of a network already predict what its last layer does."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite

from rebut.errors import InputError

Layers = Sequence[Sequence[float]]
"""For each layer from the first to the last, the probability of each label."""


def internal_consistency(layers: Layers, calibration: Sequence[float] = ()) -> int:
    """How many layers predict the label that the last one predicts, which counts itself: from 1 up.

    The weight of a reasoning path in a vote (Xie et al. 2024, arXiv:2405.18711).

    Args:
        layers: of one path, read where its answer begins.
        calibration: what `calibrate` made of many paths, in the same order. A layer then predicts
            the label that stands out most from what is usual for it there. Without it, the most probable.

    Raises:
        InputError: there are no layers, not equally many labels in each, or figures that do not fit.

    >>> internal_consistency([(0.6, 0.4), (0.3, 0.7), (0.1, 0.9)])
    2
    """
    found = predictions(layers, calibration)
    return sum(label == found[-1] for label in found)


def predictions(layers: Layers, calibration: Sequence[float] = ()) -> tuple[int, ...]:
    """The place of the label that each layer predicts.

    Raises:
        InputError: as `internal_consistency`.
    """
    count = _labels(layers)
    if not calibration:
        return tuple(max(range(count), key=lambda k: layer[k]) for layer in layers)
    if len(calibration) != len(layers) * count:
        raise InputError(
            f"calibration holds {len(calibration)} numbers, {len(layers)} layers with {count} labels "
            f"need {len(layers) * count}"
        )
    parts = [calibration[place * count : (place + 1) * count] for place in range(len(layers))]
    return tuple(_calibrated(layer, usual) for layer, usual in zip(layers, parts, strict=True))


def _calibrated(layer: Sequence[float], usual: Sequence[float]) -> int:
    """z is 1 where p is above its quantile, 1/K where it is equal; of equal z the larger distance."""
    count = len(layer)
    marks = [1.0 if p > q else 1 / count if p == q else 0.0 for p, q in zip(layer, usual, strict=True)]
    return max(range(count), key=lambda k: (marks[k], layer[k] - usual[k], -k))


def calibrate(paths: Sequence[Layers]) -> tuple[float, ...]:
    """The (K-1)/K quantile of each of K labels in each layer over many paths, layer by layer.

    Between two paths it is interpolated.

    Raises:
        InputError: there are no paths, or they do not all have the same layers and labels.
    """
    if not paths:
        raise InputError("no paths to calibrate by")
    count, depth = _labels(paths[0]), len(paths[0])
    if any(len(path) != depth or _labels(path) != count for path in paths):
        raise InputError("the paths differ in layers or labels")
    part = (count - 1) / count
    return tuple(
        _quantile([path[layer][label] for path in paths], part)
        for layer in range(depth)
        for label in range(count)
    )


def _labels(layers: Layers) -> int:
    if not layers:
        raise InputError("no layers to compare: the call must ask for them (layers: true)")
    count = len(layers[0])
    if count < 2 or any(len(layer) != count for layer in layers):
        raise InputError("each layer needs a probability for each of two labels or more")
    if not all(isfinite(p) for layer in layers for p in layer):
        raise InputError("a layer holds a probability that is no finite number")
    return count


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
