"""The table of functions that expressions may call, and the check of a call against it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the expression language.

    Attributes:
        name: as expressions write it.
        call: the Python function; with `needs_scope` its first argument is the expression's scope.
        doc: one line for the reference.
        signature: of the arguments that an expression gives.
        reads: names that it takes from the scope.
    """

    name: str
    call: Callable[..., Any]
    doc: str
    signature: inspect.Signature
    needs_scope: bool = False
    reads: tuple[str, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def misfit(self, count: int, keywords: tuple[str, ...]) -> str | None:
        """What is wrong with a call of `count` plain arguments and these keywords; None when it fits."""
        try:
            self.signature.bind(*([None] * count), **dict.fromkeys(keywords))
        except TypeError as error:
            return f"{error} (usage: {self.usage})"
        return None

    @property
    def usage(self) -> str:
        """The call as a reader sees it: ``top(items, k, by=None)``."""
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in self.signature.parameters.values()]
        return f"{self.name}{inspect.Signature(bare)}".replace("Ellipsis", "...")


FUNCTIONS: dict[str, Function] = {}


def register(
    name: str | None = None, *, needs_scope: bool = False, reads: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """Decorator: make a function callable in expressions, by `name` or its own.

    It must be pure, quick, and must bound the size of its result.
    """

    def enter(function: F) -> F:
        key = name or function.__name__.strip("_")
        signature = inspect.signature(function)
        if needs_scope:
            signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        doc = (inspect.getdoc(function) or "").split("\n", 1)[0]
        FUNCTIONS[key] = Function(key, function, doc, signature, needs_scope, reads)
        return function

    return enter
