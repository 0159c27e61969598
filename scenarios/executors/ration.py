"""How many requests of a model may be in flight in all workers together, shared out by who needs them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

TURN = 2.0
"""Seconds for which a worker keeps a permit that others wait for, where there are fewer than workers."""

SILENT = 30.0
"""Seconds without a word after which a worker's share is given to others."""


CAREFUL = 1.0
"""Seconds for which nobody's share grows once this is started anew: until all have said what they have."""


@dataclass(frozen=True, slots=True)
class Want:
    """What a worker says of a model.

    Attributes:
        most: requests that may be in flight in all workers.
        share: of these, what the worker has been given.
        active: requests in flight.
        waiting: requests that wait to be admitted.
        pause: seconds for which the server asked for silence.
    """

    most: int
    share: int
    active: int
    waiting: int
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker is given: requests in flight, and seconds of silence before the next."""

    most: int
    pause: float = 0.0


@dataclass(slots=True)
class _Stand:
    """How a worker stands with a model.

    `granted` is its share, or what it still has in flight of a larger one; `turn` is when it last went from
    nothing to something.
    """

    want: Want
    granted: int
    heard: float
    turn: float = -math.inf


@dataclass(slots=True)
class _Model:
    stands: dict[str, _Stand] = field(default_factory=dict)
    silent_until: float = 0.0
    growing_from: float = 0.0


class Ration:
    """Shares out permits, so that their sum is never more than a model's most.

    A share shrinks when its worker reports; others grow once what is in flight there has come down to it.
    After a restart of this object the reports of the workers say what they have.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._models: dict[str, _Model] = {}

    async def share(self, worker: str, wants: Mapping[str, Want]) -> dict[str, Share]:
        """Note what a worker wants of each model, and say what it gets."""
        return {model: self._share(worker, model, want) for model, want in wants.items()}

    async def forget(self, worker: str) -> None:
        """A worker is gone: what it had is free."""
        for model in self._models.values():
            model.stands.pop(worker, None)

    def _share(self, worker: str, name: str, want: Want) -> Share:
        now, model = self._clock(), self._models.setdefault(name, _Model())
        model.stands = {w: s for w, s in model.stands.items() if now - s.heard < SILENT or w == worker}
        if worker not in model.stands:
            model.stands[worker] = _Stand(want, max(want.share, want.active), now)
            if want.share:  # given before this object was started anew: others may have something, too
                model.growing_from = now + CAREFUL
        stand = model.stands[worker]
        stand.want, stand.heard = want, now
        if want.pause:
            model.silent_until = max(model.silent_until, now + want.pause)
        others = sum(other.granted for key, other in model.stands.items() if key != worker)
        target = _targets(model.stands, want.most, now)[worker]
        share = max(0, min(target, want.most - others))
        if now < model.growing_from:
            share = min(share, want.share)
        if share and not stand.granted:
            stand.turn = now
        stand.granted = max(share, want.active)
        return Share(share, max(0.0, model.silent_until - now))


def _targets(stands: Mapping[str, _Stand], most: int, now: float) -> dict[str, int]:
    """What each worker should have."""
    needs = {worker: stand.want.active + stand.want.waiting for worker, stand in stands.items()}
    if most < len([need for need in needs.values() if need]):
        return _by_turns(stands, needs, most, now)
    return filled(needs, most)


def _by_turns(
    stands: Mapping[str, _Stand], needs: Mapping[str, int], most: int, now: float
) -> dict[str, int]:
    def rank(worker: str) -> tuple[bool, float, str]:
        stand = stands[worker]
        return (not (stand.granted and now - stand.turn < TURN), stand.turn, worker)

    chosen = sorted((worker for worker, need in needs.items() if need), key=rank)[:most]
    return {worker: int(worker in chosen) for worker in stands}


def filled(needs: Mapping[str, int], most: int) -> dict[str, int]:
    """Shares of `most`: nobody gets more than needed while another lacks; what is left is spread evenly.

    >>> filled({"a": 2, "b": 30, "c": 30}, 20)
    {'a': 2, 'b': 9, 'c': 9}
    >>> filled({"a": 1, "b": 2}, 10)
    {'a': 5, 'b': 5}
    """
    shares = dict.fromkeys(needs, 0)
    left = most
    open_ = sorted(needs, key=lambda worker: (needs[worker], worker))
    for place, worker in enumerate(open_):
        shares[worker] = min(needs[worker], -(-left // (len(open_) - place)) if left > 0 else 0)
        left -= shares[worker]
    for place, worker in enumerate(sorted(shares, key=lambda worker: (shares[worker], worker))):
        more = -(-left // (len(shares) - place))
        shares[worker] += more
        left -= more
    return shares
