"""Every error that rebut raises on purpose, named for whose fault it is.

::

    RebutError                      shown without a traceback, exit code 2
    ├── WorkflowError               the workflow file's author
    │   └── WorkflowInvalid         all problems of one file, with line and column
    ├── InputError                  the caller: a parameter, a question, a file
    ├── SettingsError               the settings, a model name, a key
    ├── ModelError                  a back end
    │   ├── ModelUnavailable        not reachable, no weights, unknown model
    │   ├── ModelRefused            the server said no (4xx): key, context length, bad request
    │   ├── ModelBusy               rate limit or overload (429, 529, 503); may carry retry_after
    │   ├── ModelTimeout            the deadline of the call passed
    │   └── ModelGarbled            a body that cannot be read: truncated, not JSON, not the protocol
    ├── Unparsed                    an agent's reply does not fit what its role returns
    ├── BudgetSpent                 a limit on calls, tokens, money or seconds
    ├── QuorumMissed                too few samples or votes stood
    └── StoreError                  the database: locked, corrupt, full, too new
        └── JournalDrift            a replayed run asks for something its journal does not hold
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Literal

Resource = Literal["calls", "tokens", "usd", "seconds"]


class RebutError(Exception):
    """Base of every error that rebut raises on purpose; its text is written for the user.

    `run` is the id of the run that it ended, where that is kept in a store: it can be shown and resumed.
    """

    run: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args), self.__dict__ or None


class WorkflowError(RebutError):
    """A workflow is wrong in a way that its author can mend.

    `file` is the path of the file to look into, where the text names it in short.
    """

    file: str = ""


class InputError(RebutError):
    """The caller gave a parameter, question or file that does not fit."""


class RunExists(InputError):
    """A run of this id is in the store already."""


class SettingsError(RebutError):
    """A setting, model name or key is missing or wrong."""


class ModelError(RebutError):
    """A model call failed.

    Attributes:
        model: the model string that was asked.
        status: the HTTP status, where there was one.
        retry_after: seconds that the server asked to wait, where it did.
        retryable: whether the same request may succeed later.
    """

    retryable = False

    def __init__(
        self, message: str, *, model: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status = status
        self.retry_after = retry_after


class ModelUnavailable(ModelError):
    """The back end cannot be reached, or the model does not exist there."""


class ModelRefused(ModelError):
    """The server refused the request: wrong key, too long, not allowed."""


class ModelBusy(ModelError):
    """The server is over its limit for now."""

    retryable = True


class ModelTimeout(ModelError):
    """The call did not finish before its deadline."""

    retryable = True


class ModelGarbled(ModelError):
    """The server's reply cannot be read as the protocol says."""

    retryable = True


class Unparsed(RebutError):
    """A model's reply does not fit the record that the role returns, also after repair.

    Attributes:
        text: what the model wrote.
        reason: what is wrong with it, in words that can be sent back to the model.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"reply does not fit: {reason}")
        self.text = text
        self.reason = reason


class BudgetSpent(RebutError):
    """A call would pass a limit.

    Attributes:
        resource: what ran out.
        limit: the limit, in the resource's unit (calls, tokens, US dollars, seconds).
        scope: whose limit it was, such as ``run`` or ``node weigh``.
    """

    def __init__(self, resource: Resource, limit: float, scope: str = "run") -> None:
        super().__init__(f"budget spent: {resource} limit of {limit:g} ({scope})")
        self.resource: Resource = resource
        self.limit = limit
        self.scope = scope


class QuorumMissed(RebutError):
    """Fewer samples or votes stood than the quorum asks for."""

    def __init__(self, node: str, *, stood: int, quorum: int, of: int) -> None:
        super().__init__(f"quorum missed at node {node!r}: {stood} of {of} stood, {quorum} needed")
        self.node, self.stood, self.quorum, self.of = node, stood, quorum, of


class StoreError(RebutError):
    """The store cannot be opened, read or written."""


class JournalDrift(StoreError):
    """A resumed or replayed run asks for a call that differs from its journal."""


def _again(kind: type[RebutError], args: tuple[Any, ...]) -> RebutError:
    """An error from its parts, for pickle: some are made from other arguments than they keep."""
    return kind.__new__(kind, *args)


def suggest(wrong: str, possible: Sequence[str]) -> str:
    """A ``did you mean`` clause, or the choice when nothing is close; empty when there is no choice.

    >>> suggest("tmperature", ["temperature", "top_p"])
    " (did you mean 'temperature'?)"
    >>> suggest("x", ["alpha", "beta"])
    ' (possible: alpha, beta)'
    """
    close = get_close_matches(wrong, possible, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (possible: {', '.join(possible)})" if possible else ""
