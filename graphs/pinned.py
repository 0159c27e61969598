"""A gateway whose capabilities and prices are those that a run began with, so that a resumed or replayed
run takes the same paths whatever back ends are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rebut.errors import JournalDrift, SettingsError

from ..models.gateway import Gateway
from ..models.wire import Capabilities, Request, Response


class PinnedGateway:
    """Answers `capabilities` and `price` from what was recorded; passes calls on, or refuses them offline."""

    def __init__(self, pins: Mapping[str, Any], gateway: Gateway | None) -> None:
        self._pins = pins
        self._gateway = gateway

    def capabilities(self, model: str) -> Capabilities:
        """What the model could do when the run began."""
        pin = self._pins.get(model)
        if pin is not None:
            return Capabilities(**pin["capabilities"])
        if self._gateway is None:
            raise JournalDrift(f"the journal knows no model {model!r}")
        return self._gateway.capabilities(model)

    def price(self, model: str) -> tuple[float, float] | None:
        """The price pair when the run began."""
        pin = self._pins.get(model)
        if pin is not None:
            return None if pin["price"] is None else (pin["price"][0], pin["price"][1])
        return None if self._gateway is None else self._gateway.price(model)

    def dearest(self, model: str) -> tuple[float, float]:
        """The price pair that a money limit reckons with.

        Raises:
            SettingsError: none was known when the run began.
        """
        pin = self._pins.get(model)
        if pin is not None and pin["dearest"] is None:
            raise SettingsError(f"no price was known for {model!r} when the run began")
        if pin is not None:
            return pin["dearest"][0], pin["dearest"][1]
        if self._gateway is None:
            raise JournalDrift(f"the journal knows no model {model!r}")
        return self._gateway.dearest(model)

    async def complete(self, request: Request, **options: Any) -> tuple[Response, int]:
        """Pass the call on, as `Gateway.complete` takes it.

        Raises:
            JournalDrift: this is a replay, which makes no calls.
        """
        if self._gateway is None:
            raise JournalDrift(f"a replay makes no calls, but {request.model!r} was asked")
        return await self._gateway.complete(request, **options)


def pins_of(gateway: Gateway, models: Iterable[str]) -> dict[str, Any]:
    """What to record of the models of a run."""
    return {
        model: {
            "capabilities": asdict(gateway.capabilities(model)),
            "price": gateway.price(model),
            "dearest": _dearest(gateway, model),
        }
        for model in dict.fromkeys(models)
    }


def _dearest(gateway: Gateway, model: str) -> tuple[float, float] | None:
    try:
        return gateway.dearest(model)
    except SettingsError:
        return None
