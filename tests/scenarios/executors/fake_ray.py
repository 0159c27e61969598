"""As much of Ray as the driver uses, in this process: actors that can be made to die."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any


class RayError(Exception): ...


class RayActorError(RayError): ...


class ActorUnavailableError(RayActorError): ...


class ActorDiedError(RayActorError): ...


class Actor:
    """A handle. What is under way when it dies fails; it comes back as a new object, or not at all."""

    def __init__(self, cls: type, options: dict[str, Any]) -> None:
        self.cls, self.options, self.it = cls, options, cls()
        self.dead = False
        self._calls: set[asyncio.Task[Any]] = set()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: asyncio.ensure_future(self._call(name, given)))

    async def _call(self, name: str, given: tuple[Any, ...]) -> Any:
        if self.dead:
            raise ActorDiedError(f"the {self.cls.__name__} is dead")
        method: Callable[..., Awaitable[Any]] = getattr(self.it, name)
        task = asyncio.ensure_future(method(*given))
        self._calls.add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            raise ActorUnavailableError("it died") from None
        finally:
            self._calls.discard(task)

    def dies(self, *, for_good: bool = False) -> None:
        """End the object and what it does."""
        for call in self._calls:
            call.cancel()
        self.dead, self.it = for_good, self.cls()


class FakeRay:
    """A cluster of one machine. `actors` are all that were ever asked for."""

    exceptions = SimpleNamespace(
        RayError=RayError,
        RayActorError=RayActorError,
        ActorUnavailableError=ActorUnavailableError,
        ActorDiedError=ActorDiedError,
    )

    def __init__(self) -> None:
        self.actors: list[Actor] = []

    @property
    def workers(self) -> list[Actor]:
        """The actors that make trials, dead ones too."""
        return [actor for actor in self.actors if actor.cls.__name__ == "Worker"]

    def is_initialized(self) -> bool:
        """Always: so the driver leaves it as it is."""
        return True

    def remote(self, cls: type) -> Any:
        """A class of actors."""

        def made(options: dict[str, Any]) -> Actor:
            self.actors.append(actor := Actor(cls, options))
            return actor

        return SimpleNamespace(options=lambda **given: SimpleNamespace(remote=lambda: made(given)))

    def kill(self, actor: Actor) -> None:
        """End an actor for good."""
        actor.dies(for_good=True)

    def get_runtime_context(self) -> Any:
        """Where the driver is."""
        return SimpleNamespace(get_node_id=lambda: "here")

    def nodes(self) -> list[dict[str, Any]]:
        """One machine."""
        return [{"Alive": True, "NodeID": "here", "Resources": {"CPU": 2.0}}]

    def cluster_resources(self) -> dict[str, float]:
        """What it has."""
        return {"CPU": 2.0}
