"""An agent: a name, a role and a model, with one verb. It owns a voice, never the flow."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..models.journal import CallSite
from ..models.wire import Capabilities, Message, Request
from .answers import instruction
from .asking import Asking, OnNote, Session
from .chat import without_prefill
from .labels import label_request
from .returns import Expected, Returned, expected, reply_format, schema_of
from .rewards import reward_request
from .roles import Mode, Role
from .terms import PLAIN, Terms, demand

if TYPE_CHECKING:
    from ..models.budget import Budget


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone who is asked: a role played by a model.

    `temperature`, `top_p` and `max_tokens` are None where the mode's own default holds; `facts` are bound
    in every prompt, behind the facts of a call. `seats` are those who speak for it in turn, where they have
    different models: the same agent under their own names.
    """

    name: str
    role: Role
    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    seats: tuple[Agent, ...] = ()

    @property
    def voices(self) -> tuple[Agent, ...]:
        """Everyone who may speak for it; itself where it has no seats."""
        return self.seats or (self,)

    def seat(self, turn: int) -> Agent:
        """Who speaks in a turn, counted from 0: the seats one after the other, and over again."""
        return self.seats[turn % len(self.seats)] if self.seats else self

    def ask(
        self,
        session: Session,
        *,
        path: str,
        node: str,
        visit: int,
        mode: str | None = None,
        facts: Mapping[str, Any],
        kind: str = "auto",
        seed: int | None = None,
        n: int = 1,
        logprobs: int | None = None,
        terms: Terms = PLAIN,
        budget: Budget | None = None,
        timeout: float | None = None,
        reasks: int = 1,
        schema: bool = True,
        on_note: OnNote | None = None,
        reuse: bool = False,
    ) -> Coroutine[Any, Any, list[Returned | None]]:
        """Ask for `n` completions; gives, awaited, one record for each, None where it abstained.

        A reply that does not fit its record is asked again up to `reasks` times, that one alone, and then
        abstains. Nothing is awaited behind the session's last hand-over, so replays keep step. The prompt is
        rendered at once: while the model is waited for, none of the facts are held.

        Args:
            path: of the call in the run's journal; the k-th re-ask of reply i is at ``path~k``
                (``path#i~k`` where `n` is above 1).
            kind: the workflow's kind of answer.
            seed: left out where the temperature is 0.
            logprobs: alternatives per token (0: the chosen token only); None for none.
            terms: how the replies begin and end, and what is wanted beside their words.
            timeout: seconds for the call; the session keeps it, for replays.
            schema: whether decoding may be constrained, where the back end can.
            on_note: told of re-asks, repairs and abstentions.
            reuse: whether the replies of another run of the store to the same request are taken, where they
                fitted; and whether others may take these.

        Raises:
            WorkflowError: the prompt cannot be rendered.
            SettingsError: the model cannot do what the role or the terms want.
            ModelError: the call failed. A failed re-ask lets its reply abstain if others of the call stand.
            BudgetSpent: a limit was reached, likewise.
        """
        chosen = self.role.mode(mode)
        known: dict[str, Any] = {"params": {}, "index": 0, "labels": chosen.labels, **self.facts, **facts}
        want = expected(chosen.returns, kind, known, chosen.answer_required)
        bound = known | {
            "agent": self.name,
            "visit": visit,
            "answer_format": instruction(kind),
            "reply_format": reply_format(want),
        }
        able = session.gateway.capabilities(self.model)
        if wanted := terms.wanting():
            demand(able, wanted, self.model, f"agent {self.name!r}")
        if able.reward:
            request = reward_request(self.model, able, want, known, f"agent {self.name!r}")
        else:
            messages = terms.begun(chosen.render(bound))
            request = self._request(chosen, messages, want, able, seed, n, logprobs, schema, terms)
        if want.labels:
            request = label_request(request, want.labels, able, layers=terms.layers)
        asking = Asking(
            session=session,
            request=request,
            site=CallSite(path=path, node=node, visit=visit, agent=self.name, role=self.role.name),
            want=want,
            index=known["index"],
            budget=budget,
            timeout=timeout,
            on_note=on_note,
            reuse=reuse,
        )
        return asking.run(reasks)

    def _request(
        self,
        mode: Mode,
        messages: tuple[Message, ...],
        want: Expected,
        able: Capabilities,
        seed: int | None,
        n: int,
        logprobs: int | None,
        constrain: bool,
        terms: Terms,
    ) -> Request:
        if mode.sees:
            demand(able, ("images",), self.model, f"agent {self.name!r}")
        before, prefill = without_prefill(messages)
        temperature = mode.temperature if self.temperature is None else self.temperature
        return Request(
            model=self.model,
            messages=messages if able.prefill else before,
            n=n,
            temperature=temperature,
            top_p=mode.top_p if self.top_p is None else self.top_p,
            max_tokens=terms.max_tokens or (mode.max_tokens if self.max_tokens is None else self.max_tokens),
            stop=mode.stop + terms.until,
            seed=None if temperature == 0 else seed,
            schema=schema_of(want) if constrain and able.schema and not (prefill and able.prefill) else None,
            logprobs=logprobs if able.logprobs else None,
            probe=terms.probe(),
        )
