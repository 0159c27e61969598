"""An error as an outcome that is kept, and the outcome as an error again, the same live and replayed."""

from __future__ import annotations

from rebut import errors
from rebut.errors import BudgetSpent, ModelError, RebutError
from rebut.records import Usage

from .budget import Budget
from .journal import Outcome


def failed(error: ModelError, attempts: int, at: float) -> Outcome:
    """The outcome of a failure, under the nearest class of `rebut.errors`: a replay raises that again."""
    known = [c.__name__ for c in type(error).__mro__ if getattr(errors, c.__name__, None) is c]
    return Outcome(error=known[0], message=str(error), status=error.status, attempts=attempts, at=at)


def error_of(outcome: Outcome, model: str, budget: Budget) -> RebutError:
    """The recorded error, the same whether it just happened or long ago."""
    if outcome.error == "BudgetSpent":
        return budget.out_of_time() if budget.timed else BudgetSpent("seconds", outcome.at)
    cls = getattr(errors, outcome.error or "", None)
    if isinstance(cls, type) and issubclass(cls, ModelError):
        return cls(outcome.message, model=model, status=outcome.status)
    return ModelError(outcome.message, model=model, status=outcome.status)


def used(outcome: Outcome, n: int) -> Usage:
    """What a call counts for in a budget: also a failed one was asked for, one from the shelf was not."""
    response = outcome.response
    if response is None:
        return Usage(calls=n)
    if not outcome.attempts and not response.usage.calls:
        return response.usage
    usage = response.usage
    return usage if usage.calls == n else usage.model_copy(update={"calls": n})
