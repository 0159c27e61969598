"""One call of an agent and the re-asks that it leads to: replies become records, or abstain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from rebut.errors import BudgetSpent, ModelError, Unparsed

from ..models.journal import CallSite
from ..models.wire import Capabilities, Completion, Request, Response
from .chat import asked_again, continued, without_prefill
from .labels import read_label
from .returns import Expected, Returned, certainty, read_json, read_text, reply_format
from .rewards import read_reward

if TYPE_CHECKING:
    from ..models.budget import Budget

MISSING = "the model gave no completion"

OnNote = Callable[[str, str, Mapping[str, Any]], None]
"""Told what happened (``abstained``, ``reasked``, ``repaired``), in words, and with facts."""


class Gateway(Protocol):
    """What an agent asks about a model."""

    def capabilities(self, model: str) -> Capabilities:
        """What its back end can do."""
        ...


class Session(Protocol):
    """Where an agent's calls go."""

    @property
    def gateway(self) -> Gateway:
        """The way to the models."""
        ...

    async def call(
        self,
        request: Request,
        site: CallSite,
        *,
        budget: Budget | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the session's own signature
        reuse: bool = False,
    ) -> Response:
        """The response, from the model, the journal, or with `reuse` another run of the store."""
        ...

    def keep(self, request: Request, site: CallSite) -> None:
        """Let other runs take the response to a request."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Asking:
    """One call: the request, its place in the run, and what is wanted of the replies."""

    session: Session
    request: Request
    site: CallSite
    want: Expected
    index: int
    budget: Budget | None
    timeout: float | None
    on_note: OnNote | None
    reuse: bool = False

    async def run(self, reasks: int) -> list[Returned | None]:
        """A record for each completion, None for one that abstained.

        Raises:
            ModelError, BudgetSpent: of the call; of a re-ask only when no other completion stands.
        """
        response = await self._call(self.request, self.site, reuse=self.reuse)
        records: list[Returned | None] = [None] * self.request.n
        unfit: dict[int, Unparsed] = {}
        for i in range(self.request.n):
            if i >= len(response.completions):
                self._note("abstained", MISSING, self.site.path, MISSING)
                continue
            try:
                records[i] = self._read(self.request, response.completions[i], self.site.path, i)
            except Unparsed as error:
                unfit[i] = error
        if self.reuse and all(record is not None for record in records):
            self.session.keep(self.request, self.site)
        if self._grading():
            reasks = 0  # the same solution gets the same grades
        for i, reply in unfit.items():
            alone = all(record is None for record in records)
            records[i] = await self._again(i, reply, reasks, alone)
        return records

    async def _again(self, i: int, unfit: Unparsed, reasks: int, alone: bool) -> Returned | None:
        """Ask for reply `i` until it fits; None when it abstains."""
        path = self.site.path if self.request.n == 1 else f"{self.site.path}#{i}"
        for k in range(1, reasks + 1):
            at = f"{path}~{k}"
            self._note("reasked", f"asked again: {unfit.reason}", at, unfit.reason)
            request = self._mending(unfit)
            try:
                response = await self._call(request, replace(self.site, path=at))
                if not response.completions:
                    break
                return self._read(request, response.completions[0], at, i)
            except Unparsed as still:
                unfit = still
            except (ModelError, BudgetSpent) as failure:
                if alone:
                    raise
                self._note("abstained", f"abstained, as asking again failed: {failure}", at, unfit.reason)
                return None
        self._note("abstained", f"abstained: {unfit.reason}", path, unfit.reason)
        return None

    def _call(self, request: Request, site: CallSite, *, reuse: bool = False) -> Awaitable[Response]:
        return self.session.call(request, site, budget=self.budget, timeout=self.timeout, reuse=reuse)

    def _read(self, request: Request, completion: Completion, path: str, i: int) -> Returned:
        """The record of a completion.

        Raises:
            Unparsed: it does not fit.
        """
        text = _whole(completion.text)
        if completion.finish == "edited":
            self._note("edited", f"the reply of {self.site.agent} was written by hand", path, "")
        else:
            text = continued(without_prefill(request.messages)[1], text)
        cut = completion.finish == "length"
        about = {"agent": self.site.agent, "model": request.model, "call": path}
        if self.want.returns == "text":
            place = {"index": self.index + i, "visit": self.site.visit}
            certain = certainty(completion.inside)
            return read_text(
                text, self.want, completion.logprobs, cut=cut, certainty=certain, **about, **place
            )
        if request.probe is not None and request.probe.reward:
            return read_reward(completion, request.probe)
        if self.want.labels:
            return read_label(completion, self.want.labels, **about)
        record, repaired = read_json(text, self.want, cut=cut, **about)
        if repaired:
            self._note("repaired", "the reply's JSON had to be repaired", path, "")
        return record

    def _grading(self) -> bool:
        return self.request.probe is not None and bool(self.request.probe.reward)

    def _mending(self, error: Unparsed) -> Request:
        wrong = f"Your reply does not fit: {error.reason}. Write the whole reply again."
        complaint = f"{wrong}\n{reply_format(self.want)}"
        return replace(self.request, messages=asked_again(self.request.messages, error.text, complaint), n=1)

    def _note(self, what: str, text: str, path: str, reason: str) -> None:
        if self.on_note is not None:
            self.on_note(what, text, {"call": path, "agent": self.site.agent, "reason": reason})


def _whole(text: str) -> str:
    """The text with a ? for each half of a surrogate pair: such a text could be neither sent on nor kept."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
