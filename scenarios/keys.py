"""The keys of scenario files, in one table that the loader reads by and the JSON Schema is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rebut.errors import suggest

from ..graphs.diagnostics import Problems
from ..graphs.keys import KINDS
from ..graphs.shapes import (
    BROKEN,
    WORKFLOW,
    Anything,
    Either,
    Fixed,
    Flag,
    Key,
    ListOf,
    MapOf,
    Number,
    Schema,
    Text,
    Word,
    misfit,
)
from ..graphs.source import Piece, Scalar
from .checkers import CHECKS
from .spec import PLAIN

COUNT = Number(whole=True, least=1, formulas=False)
POSITIVE = Number(above=0, formulas=False)
LIMITS = Fixed(
    "budget",
    (
        Key("calls", COUNT, "completions at most"),
        Key("tokens", COUNT, "prompt and completion tokens at most"),
        Key("usd", POSITIVE, "US dollars at most"),
        Key("seconds", POSITIVE, "wall time at most"),
    ),
)
LABEL = Word(r"^[a-zA-Z0-9][\w .,=+-]{0,60}$", "a short label")
MODEL = Text(empty=False, what="a model's name")

DATA = Fixed(
    "data",
    (
        Key(
            "file",
            ListOf(Text(empty=False, what="a path"), single=True, distinct=True),
            "paths or patterns (data/*.jsonl), relative to this file",
        ),
        Key("separator", Word(r"^[^\w\s\"']$|^\t$", "one mark"), "between cells of a table", needs="file"),
        Key("dataset", Text(empty=False, what="a data set's name"), "of the hub, or a folder that was saved"),
        Key("config", Text(empty=False), "of the data set", needs="dataset"),
        Key("split", Text(empty=False), "of the data set", needs="dataset"),
        Key("revision", Text(empty=False), "of the data set on the hub", needs="dataset"),
        Key("limit", COUNT, "at most so many items of files or a data set, from the first"),
        Key("generate", Text(empty=False, what="a generator's name"), "a generator instead of data"),
        Key("n", COUNT, "how many items are generated", needs="generate"),
        Key("seed", Number(whole=True, least=0, formulas=False), "of the generator", needs="generate"),
        Key("with", MapOf(Anything(formulas=False)), "the generator's own options", needs="generate"),
    ),
)

CONTENDER = Fixed(
    "contender",
    (
        Key("workflow", Text(empty=False, what="a workflow's name or path"), "default: the label"),
        Key("params", MapOf(Anything(formulas=False)), "parameters that differ from the defaults"),
        Key("grid", MapOf(ListOf(Anything(formulas=False)), least=1), "parameters, each with several values"),
        Key("models", MapOf(MODEL), "models by role or agent"),
    ),
)

JUDGE = Fixed(
    "metric",
    (
        Key(
            "judge",
            Text(empty=False, what="a workflow's name or path"),
            "a workflow that grades an answer from 0 to 1",
            required=True,
        ),
        Key("params", MapOf(Anything(formulas=False)), "of the judge"),
        Key("models", Either(MODEL, table=MapOf(MODEL)), "of the judge: one for all, or by role or agent"),
    ),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """The name of a metric that needs nothing but the answers."""

    words = f"a metric ({', '.join(PLAIN)}, pass@K)"
    pattern = rf"^({'|'.join(PLAIN)}|pass@[1-9][0-9]{{0,2}})$"

    def read(self, piece: Piece, problems: Problems) -> Any:
        """The name, or BROKEN after noting what is wrong."""
        if not isinstance(piece, Scalar) or not isinstance(piece.value, str):
            return misfit(piece, self.words, problems)
        if not re.fullmatch(self.pattern, piece.value):
            note = suggest(piece.value, [*PLAIN, "pass@K"])
            problems.error("choice", piece.span, f"unknown metric: {piece.value!r}", note)
            return BROKEN
        return piece.value

    def schema(self) -> Schema:
        """A text of that pattern."""
        return {"type": "string", "pattern": self.pattern}


METRIC = Measure()

_NAMES = ListOf(Text(empty=False, what="a workflow's name or path"), distinct=True)

SCENARIO = Fixed(
    "scenario",
    (
        Key("name", Word(WORKFLOW, "a scenario's name"), "the scenario's name", required=True),
        Key("title", Text(), "what it measures, in one line"),
        Key("about", Text(), "what its figures tell and what not"),
        Key("cite", Text(), "where the task comes from"),
        Key("data", DATA, "where the items come from", required=True),
        Key(
            "fields",
            MapOf(Text(empty=False, what="a column's name")),
            "input or question, answer, choices, id, group: the column or dotted path of each",
        ),
        Key(
            "kind",
            Text(KINDS, what="a kind of answer"),
            "the kind of answer; default: the generator's, or auto",
        ),
        Key(
            "check",
            Text(tuple(CHECKS), what="a way of checking"),
            "how an answer is held against the gold; default: the generator's, or equal",
        ),
        Key(
            "metrics",
            Either(
                listing=ListOf(METRIC, distinct=True),
                table=MapOf(
                    Either(METRIC, table=JUDGE), key=Word(r"^[a-z][\w @.-]{0,30}$", "a short name"), least=1
                ),
            ),
            "measured beside right answers: names, or a mapping from a label to a name or a judge",
        ),
        Key(
            "allow_code",
            Flag(formulas=False),
            "whether programs that models wrote may be run, for check: tests",
        ),
        Key(
            "workflows",
            Either(listing=_NAMES, table=MapOf(Either(Text(), table=CONTENDER), key=LABEL, least=1)),
            "names, or a mapping from label to workflow, params, grid and models",
            required=True,
        ),
        Key("models", ListOf(MODEL, single=True, distinct=True), "each workflow runs with each of them"),
        Key(
            "seeds",
            ListOf(Number(whole=True, least=0, formulas=False), single=True, distinct=True),
            "of the runs",
        ),
        Key("budget", LIMITS, "limits of each run"),
        Key("total", LIMITS, "limits of all runs together"),
        Key("concurrency", COUNT, "runs at a time"),
        Key("base", LABEL, "the label that others are compared with; default: the first"),
    ),
)
