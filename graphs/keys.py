"""The keys of workflow files, in one table that the loader reads by and the JSON Schema is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rebut.errors import suggest

from .diagnostics import Problems
from .shapes import (
    BROKEN,
    SAVED,
    WORKFLOW,
    Anything,
    Either,
    Fixed,
    Flag,
    Formula,
    Key,
    ListOf,
    MapOf,
    Number,
    Schema,
    Text,
    Word,
    misfit,
)
from .source import Listing, Piece, Scalar, Table

KINDS = ("auto", "number", "math", "choice", "yesno", "text", "code", "json")
RULES = ("majority", "weighted", "borda", "supermajority", "unanimity")
TIES = ("first", "last", "weight", "none")
ELECTIONS = ("plurality", "approval", "borda", "condorcet", "cumulative")
"""The rules of a vote that counts ballots."""

COUNT = Number(whole=True, least=1)
PROMPT_FACTS = MapOf(Anything())
SAVE = Word(SAVED, "a name to save under, such as draft or drafts+")

BUDGET = Fixed(
    "budget",
    (
        Key("calls", COUNT, "completions at most"),
        Key("tokens", COUNT, "prompt and completion tokens at most"),
        Key("usd", Number(above=0), "US dollars at most"),
        Key("seconds", Number(above=0), "wall time at most"),
    ),
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A parameter's default: a number, text, true, false, null or a list of these."""

    words: str = "a number, text, true, false or list"

    def read(self, piece: Piece, problems: Problems) -> Any:
        if isinstance(piece, Table):
            return misfit(piece, self.words, problems)
        if isinstance(piece, Listing) and not all(isinstance(item, Scalar) for item in piece.items):
            return misfit(piece, "a list of numbers or texts", problems)
        if isinstance(piece, Scalar) and piece.text == "" and piece.plain:
            return misfit(piece, self.words, problems, "write null for no value")
        return Anything(formulas=False).read(piece, problems)

    def schema(self) -> Schema:
        scalar = ["number", "string", "boolean", "null"]
        return {"anyOf": [{"type": scalar}, {"type": "array", "items": {"type": scalar}}]}


PARAM = Fixed(
    "parameter",
    (
        Key(
            "default", Literal(), "the value where none is given; its type is the parameter's", required=True
        ),
        Key("min", Number(formulas=False), "least value"),
        Key("max", Number(formulas=False), "largest value"),
        Key("choices", ListOf(Literal(), distinct=True), "the possible values"),
        Key("help", Text(), "one line for the command line's help"),
    ),
)

_MODEL = Text(empty=False, what="a model's name")

AGENT = Fixed(
    "agent",
    (
        Key(
            "role",
            Text(empty=False, what="a role's name"),
            "the role: prompts and what it returns",
            required=True,
        ),
        Key("model", _MODEL, "the model string, such as local/smollm2"),
        Key(
            "seats",
            Either(listing=ListOf(Word(), least=2, distinct=True), table=MapOf(_MODEL, least=2)),
            "names under which several models speak for it in turn, or a mapping from name to model",
        ),
        Key("temperature", Number(least=0, most=5), "sampling temperature"),
        Key("top_p", Number(above=0, most=1), "nucleus"),
        Key("max_tokens", COUNT, "limit of a reply"),
    ),
    more=MapOf(Anything()),
)

_FOR_EACH = Either(scalar=Formula("a list to walk through"), table=MapOf(Formula(), least=1))
_TIMEOUT = Key("timeout", Number(above=0), "seconds for each call")
_SAVED = Key("save", SAVE, "name of the result; with + at the end it is appended")
_BUDGET = Key("budget", BUDGET, "limits of this node")
_FACTS = Key("with", PROMPT_FACTS, "facts for the prompt")
_MODE = Key(
    "mode", Text(empty=False, what="a mode's name"), "the mode of the role; default where none is named"
)
_AGENT = Word(what="an agent's name")
_REPLY = (
    Key("prefill", Text(formulas=True), "text that the reply begins with and the model continues"),
    Key("max_tokens", COUNT, "limit of the reply; goes before those of agent and role"),
    Key("until", ListOf(Text(formulas=True, empty=False), single=True), "texts at which the reply ends"),
    Key("logprobs", Flag(), "ask for token probabilities, for confidence"),
    Key("certainty", Flag(), "ask how far each token's distribution is from uniform, for self-certainty"),
)

SELECTS = ("beam", "particles", "dfs", "best", "uct", "puct", "rain", "rest", "priority")
_UNTIL = Key("until", ListOf(Text(), single=True), "texts at which a unit ends")

ROLLOUT = Fixed(
    "rollout",
    (
        Key("agent", _AGENT, "who carries the text on; default: the agent of the search"),
        _MODE,
        Key("units", COUNT, "calls, each carrying the text on by one unit; default: 1"),
        Key("max_tokens", COUNT, "limit of a unit"),
        _UNTIL,
        Key(
            "mix", Number(least=0, most=1), "part of the highest value met on the way; the rest is the node's"
        ),
        Key(
            "of", Text(("all", "best"), what="all or best"), "whose text: of all, or of the best child alone"
        ),
    ),
)

SEARCH = Fixed(
    "search node",
    (
        Key("search", _AGENT, "the agent that proposes the next unit", required=True),
        _MODE,
        _FACTS,
        Key("root", Formula("a text or a sample"), "where the search begins; default: with nothing"),
        Key(
            "unit",
            Text(("step", "continue", "whole"), what="a kind of unit"),
            "a step asked for in words, a piece of text that the model continues, or a whole new response",
        ),
        Key("joint", Text(), "text between units"),
        _UNTIL,
        Key("max_tokens", COUNT, "limit of a unit, over depth"),
        Key("width", COUNT, "children of a node, over depth; default: 3"),
        Key("greedy", Flag(), "one of the children is drawn at temperature 0"),
        Key("alternatives", Flag(), "the likeliest next tokens are the children, over depth"),
        Key("listed", Flag(), "one reply lists the units, one a line"),
        Key("widen", Formula(), "how many children a node should have by now, over node", needs="widest"),
        Key("widest", COUNT, "children of a node at most", needs="widen"),
        Key("merge", Number(above=0, most=1), "similarity from which a child is left out for its sibling"),
        Key(
            "by",
            Either(
                scalar=_AGENT,
                listing=ListOf(_AGENT, distinct=True),
                table=MapOf(Text(empty=False, what="a mode's name"), least=1),
            ),
            "the agents that value a node, or a mapping from agent to mode",
        ),
        Key("votes", COUNT, "how often each of them is asked", needs="by"),
        Key(
            "swap",
            Flag(),
            "each vote is asked twice, `swapped` being bound, to even out positions",
            needs="by",
        ),
        Key("worth", Formula(), "what one reply is worth, over reply, swapped and vote", needs="by"),
        Key("value", Formula(), "what a node is worth, over node and each evaluator's name"),
        Key("rollout", ROLLOUT, "carry the text on before it is valued"),
        Key(
            "evaluate",
            Text(("children", "leaf"), what="children or leaf"),
            "value all children when they are made, or a leaf when it is selected",
        ),
        Key(
            "select", Text(SELECTS, what="a rule of selection"), "which node is looked at next; default: beam"
        ),
        Key("c", Number(least=0), "constant of exploration; default: that of the rule's paper"),
        Key("unvisited", Number(), "what rest adds to the value of a node without a visit"),
        Key("priority", Formula(), "the rule of selection, over node; with select: priority"),
        Key(
            "prior",
            Text(("none", "uniform", "probability"), what="a kind of prior"),
            "the weight of a child before it has a value",
        ),
        Key("prior_temperature", Number(above=0), "of the prior", needs="prior"),
        Key("prior_mix", Number(least=0, most=1), "part of the root's prior that is uniform", needs="prior"),
        Key("keep", COUNT, "beams or particles; of dfs the children that are followed"),
        Key("threshold", Number(), "value below which a node is not followed"),
        Key(
            "backup",
            Text(("none", "mean", "max", "children"), what="a rule of backup"),
            "what a value tells of the nodes above it",
        ),
        Key("share", Number(above=0, most=1), "similarity from which siblings share values"),
        Key("share_weight", Number(above=0, most=1), "part of a visit that is shared", needs="share"),
        Key("iterations", COUNT, "selections at most; with commit for each unit"),
        Key("fresh", COUNT, "selections at least for a unit whose subtree was kept", needs="commit"),
        Key("wave", COUNT, "selections side by side"),
        Key("depth", COUNT, "units of a solution at most; default: 8"),
        Key(
            "commit",
            Text(("visits", "mean", "value"), what="a rule of commitment"),
            "after its iterations the child with most of these becomes the root, unit by unit",
        ),
        Key("stop", Formula(), "ends the search (with commit: for this unit), over best, child and counts"),
        Key("done", Formula(), "whether a solution is complete, over node"),
        Key(
            "output",
            Text(("best", "visited", "vote"), what="a kind of output"),
            "the solution of highest value, along the most visits, or by a vote of complete ones",
        ),
        _TIMEOUT,
        _BUDGET,
        _SAVED,
    ),
)

NODE_KINDS: dict[str, Fixed] = {
    "ask": Fixed(
        "ask node",
        (
            Key("ask", _AGENT, "the agent that is called", required=True),
            _MODE,
            _FACTS,
            Key("for_each", _FOR_EACH, "one call per item, side by side"),
            Key("as", Word(), "the variable that holds the item; default: item", needs="for_each"),
            Key("at_most", COUNT, "calls at most; later items are left out", needs="for_each"),
            Key("quorum", Number(whole=True, least=0), "how many calls must stand"),
            *_REPLY,
            Key("layers", Flag(), "ask what every layer of the network makes of the labels"),
            Key("seat", Number(whole=True, least=0), "which seat of the agent is asked; default: index"),
            Key("reuse", Flag(), "take the reply that another run of the store got to the same request"),
            _TIMEOUT,
            _BUDGET,
            _SAVED,
        ),
    ),
    "sample": Fixed(
        "sample node",
        (
            Key("sample", _AGENT, "the agent that is sampled", required=True),
            Key("n", COUNT, "how many samples"),
            _MODE,
            _FACTS,
            Key("stop", Formula(), "looked at after each sample, over samples and remaining; true ends it"),
            Key("wave", COUNT, "samples in flight at once with stop", needs="stop"),
            Key("quorum", Number(whole=True, least=0), "how many samples must stand"),
            *_REPLY,
            _TIMEOUT,
            _BUDGET,
            _SAVED,
        ),
    ),
    "score": Fixed(
        "score node",
        (
            Key("score", Formula("a list of samples"), "the samples that are graded", required=True),
            Key("by", ListOf(_AGENT, single=True, distinct=True), "the agents that grade", required=True),
            Key("when", MapOf(Formula()), "conditions under which a scorer grades"),
            Key("total", Formula(), "the combined score, over item and each scorer's name"),
            Key("at_most", COUNT, "samples at most; later ones are left out"),
            _TIMEOUT,
            _BUDGET,
            _SAVED,
        ),
    ),
    "vote": Fixed(
        "vote node",
        (
            Key("vote", Formula("a list to vote over"), "samples, verdicts or texts", required=True),
            Key(
                "ballots",
                Formula(),
                "what each voter approves, ranks or gives points to: lists of numbers, from 1; None abstains",
            ),
            Key("weights", Formula(), "weight of a voter, over item (with ballots: the ballot) and index"),
            Key(
                "rule",
                Text(tuple(dict.fromkeys((*RULES, *ELECTIONS))), formulas=True, what="a voting rule"),
                "the voting rule; default: majority, with ballots borda",
            ),
            Key("tie", Text(TIES, formulas=True, what="a tie rule"), "who wins a tie"),
            Key("power", Number(least=0, most=64), "of the ranks under the rule borda: 0 is the majority"),
            Key("threshold", Number(above=0, most=1), "part of the voters that a supermajority needs"),
            Key("quorum", Number(whole=True, least=0), "how many must vote"),
            _SAVED,
        ),
    ),
    "set": Fixed(
        "set node",
        (
            Key(
                "set",
                MapOf(Formula(), key=SAVE, least=1),
                "names and their expressions, in order",
                required=True,
            ),
        ),
    ),
    "search": SEARCH,
    "call": Fixed(
        "call node",
        (
            Key(
                "call",
                Text(formulas=True, empty=False, what="a workflow's name or file"),
                "the workflow that is called",
                required=True,
            ),
            Key("inputs", MapOf(Anything()), "its inputs; default: the caller's of the same names"),
            Key("params", MapOf(Anything()), "its parameters"),
            Key(
                "agents",
                Either(scalar=_AGENT, table=MapOf(_AGENT, least=1)),
                "the agent whose model all of its agents take, or a mapping from its agents to such",
            ),
            Key("for_each", _FOR_EACH, "called once per item, side by side"),
            Key("as", Word(), "the variable that holds the item; default: item", needs="for_each"),
            Key("at_most", COUNT, "items at most; later ones are left out", needs="for_each"),
            Key("quorum", Number(whole=True, least=0), "how many must come to an end; 0: it may fail"),
            Key("keep", ListOf(Word(), single=True, distinct=True), "names it saved that are kept"),
            _BUDGET,
            _SAVED,
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class NodeShape:
    """A node: a mapping with just one of the keys that say what it does."""

    words: str = "a mapping (node)"

    def read(self, piece: Piece, problems: Problems) -> Any:
        kinds = ", ".join(NODE_KINDS)
        if not isinstance(piece, Table):
            return misfit(piece, self.words, problems, f"with one of the keys: {kinds}")
        does = [key for key, _ in piece.entries if key.text in NODE_KINDS]
        if not does:
            self._kindless(piece, problems)
            return self._saves_only(piece)
        for extra in does[1:]:
            problems.error(
                "node-kind",
                extra.span,
                f"a node does one thing: {does[0].text!r} or {extra.text!r}",
                f"possible: {kinds}",
            )
        name = does[0].text
        shape = Fixed(
            NODE_KINDS[name].what, NODE_KINDS[name].keys, elsewhere=_elsewhere(name, {d.text for d in does})
        )
        entries = tuple(e for e in piece.entries if e[0] not in does[1:])
        return {"does": name, **shape.read(Table(entries, piece.span, piece.size), problems)}

    def _kindless(self, piece: Table, problems: Problems) -> None:
        for key, _ in piece.entries:
            hint = suggest(key.text, list(NODE_KINDS))
            if "did you mean" in hint and not any(key.text in _names(kind) for kind in NODE_KINDS):
                problems.error("unknown-key", key.span, f"unknown key {key.text!r} in node", hint)
                return
        note = f"one of the keys is needed: {', '.join(NODE_KINDS)}"
        problems.error("node-kind", piece.span, "the node does not say what it does", note)

    def _saves_only(self, piece: Table) -> dict[str, Any]:
        save = piece.get("save")
        text = save.text if isinstance(save, Scalar) else ""
        return {"does": None, "save": text} if re.fullmatch(SAVED, text) else {"does": None}

    def schema(self) -> Schema:
        return {"oneOf": [shape.schema() for shape in NODE_KINDS.values()]}


def _names(kind: str) -> list[str]:
    return [key.name for key in NODE_KINDS[kind].keys]


def _elsewhere(kind: str, said: set[str]) -> dict[str, str]:
    """For keys that this kind of node does not have: which kinds do."""
    own = set(_names(kind)) | said
    places: dict[str, list[str]] = {}
    for other in NODE_KINDS:
        for name in _names(other):
            if name not in own:
                places.setdefault(name, []).append(other)
    return {name: f"a key of {' and '.join(kinds)} nodes" for name, kinds in places.items()}


BRANCH = Fixed(
    "edge",
    (
        Key("when", Formula("a condition"), "taken when this holds"),
        Key("to", Word(what="a node's name"), "the next node", required=True),
    ),
)


@dataclass(frozen=True, slots=True)
class EdgesShape:
    """Where a node leads: a name, a list of names (side by side), or a list of conditions."""

    words: str = "a node's name, a list of names, or a list of conditions"

    def read(self, piece: Piece, problems: Problems) -> Any:
        target = Word(what="a node's name")
        if isinstance(piece, Scalar):
            return target.read(piece, problems)
        if isinstance(piece, Table) or not piece.items:
            note = "write a list: [{when: ..., to: ...}, {to: ...}]" if isinstance(piece, Table) else ""
            return misfit(piece, self.words, problems, note)
        if all(isinstance(item, Table) for item in piece.items):
            return {"branches": [BRANCH.read(item, problems) for item in piece.items]}
        for item in piece.items:
            if not isinstance(item, Scalar):
                problems.error("type", item.span, "a list of edges holds names only, or conditions only")
                return BROKEN
        names = [target.read(item, problems) for item in piece.items]
        return {"fork": names}

    def schema(self) -> Schema:
        name = Word().schema()
        return {
            "anyOf": [
                name,
                {"type": "array", "items": name, "minItems": 1},
                {"type": "array", "items": BRANCH.schema(), "minItems": 1},
            ]
        }


WORKFLOW_KEYS = Fixed(
    "workflow",
    (
        Key("name", Word(WORKFLOW, "a workflow's name"), "the workflow's name", required=True),
        Key("title", Text(), "what it does, in one line"),
        Key("about", Text(), "when it helps and when not"),
        Key("cite", Text(), "where the method comes from"),
        Key("kind", Text(KINDS, what="a kind of answer"), "the kind of answer; auto where it is not known"),
        Key("inputs", ListOf(Word(), distinct=True), "what a run is given; default: question"),
        Key("params", MapOf(Either(Literal(), Literal(), PARAM)), "parameters and their defaults"),
        Key(
            "agents",
            MapOf(Either(scalar=Text(empty=False, what="a role's name"), table=AGENT)),
            "who takes part",
        ),
        Key("nodes", MapOf(NodeShape(), least=1), "what is done", required=True),
        Key("edges", MapOf(EdgesShape()), "what comes next", required=True),
        Key("answer", Formula(), "the answer, at the end", required=True),
        Key("fallback", Formula(), "the best answer so far, when a run ends early"),
        Key("budget", BUDGET, "limits of a run"),
    ),
)
