"""Scenario files: found by name or path, read, checked, and handed over as a `ScenarioSpec`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from rebut.errors import InputError, RebutError, suggest

from ..graphs.diagnostics import Diagnostic, Problems, WorkflowInvalid, ordered
from ..graphs.loader import names as workflow_names
from ..graphs.source import LARGEST, Listing, Piece, Scalar, Table, read
from ..graphs.spec import Span
from ..graphs.workflow import load as load_workflow
from ..models.limits import Limits
from . import generators
from .checkers import CHECKS
from .keys import SCENARIO
from .spec import Contender, DataSpec, Metric, ScenarioSpec

LIBRARY = Path(__file__).parent / "library"
MOST_CONTENDERS = 200
_SUFFIXES = (".yaml", ".yml")


class ScenarioInvalid(WorkflowInvalid):
    """A scenario file has mistakes; the text shows all of them."""

    def __reduce__(self) -> tuple[type[ScenarioInvalid], tuple[tuple[Diagnostic, ...], str]]:
        return ScenarioInvalid, (self.diagnostics, self.path)


def names() -> list[str]:
    """The scenarios of the library."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(ref: str | Path) -> Path:
    """The file of a scenario: a path, or a name in the library.

    Raises:
        InputError: there is no such file or name.
    """
    path = Path(ref)
    named = isinstance(ref, str) and path.name == ref and path.suffix not in _SUFFIXES
    if named and (LIBRARY / f"{ref}.yaml").is_file():
        return LIBRARY / f"{ref}.yaml"
    if path.is_file():
        return path
    if named:
        raise InputError(f"unknown scenario: {ref!r}{suggest(str(ref), names())}")
    raise InputError(f"no such scenario file: {str(ref)!r}")


def load(ref: str | Path) -> ScenarioSpec:
    """Load a scenario from the library or a file.

    Raises:
        InputError: there is no such scenario, or its file cannot be read.
        ScenarioInvalid: the file has mistakes; all are listed with line and column.
    """
    path = find(ref)
    try:
        if path.stat().st_size > 4 * LARGEST:
            raise InputError(f"scenario file too large: {str(path)!r} (limit: {LARGEST} characters)")
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"scenario file is not UTF-8: {str(path)!r} (byte {error.start})") from error
    except OSError as error:
        raise InputError(f"scenario file cannot be read: {str(path)!r} ({error.strerror})") from error
    return loads(text, str(path))


def loads(text: str, path: str = "<string>") -> ScenarioSpec:
    """Load a scenario from YAML text; data and workflow files are looked for beside `path`.

    Raises:
        ScenarioInvalid: the text has mistakes; all are listed with line and column.
    """
    text = text.removeprefix("\ufeff")
    problems = Problems(path, text)
    piece = read(text, problems)
    spec = _Reader(piece, problems, path, text).spec() if piece is not None else None
    if spec is None or problems.errors:
        raise ScenarioInvalid(ordered(problems.found), path)
    return spec


class _Reader:
    """Makes a spec of a file's pieces, as far as they can be read, and notes all that is wrong."""

    def __init__(self, piece: Piece, problems: Problems, path: str, text: str) -> None:
        self.piece, self.problems, self.text = piece, problems, text
        self.path = Path(path) if path != "<string>" else None

    def spec(self) -> ScenarioSpec | None:
        """The spec; None where there is not enough of it."""
        found = SCENARIO.read(self.piece, self.problems)
        if not isinstance(self.piece, Table) or not isinstance(found, dict):
            return None
        data = self._data(found.get("data", {}))
        kind, check = self._ways(found, data)
        metrics = tuple(self._metrics(found.get("metrics", {}), len(found.get("seeds", (0,)))))
        contenders = tuple(self._contenders(found.get("workflows", {})))
        self._labels(contenders)
        for contender in contenders:
            self._check(contender)
        for metric in metrics:
            if metric.by == "judge":
                self._check(_as_contender(metric))
        base = found.get("base", contenders[0].label if contenders else "")
        if base not in {c.label for c in contenders} and "base" in found:
            note = suggest(base, [c.label for c in contenders])
            self.problems.error("unknown-label", self._at("base"), f"no contender {base!r}", note)
        if self.problems.errors:
            return None
        return ScenarioSpec(
            name=found["name"],
            title=found.get("title", ""),
            about=found.get("about", ""),
            cite=found.get("cite", ""),
            data=data,
            fields=found.get("fields", {}),
            kind=kind,
            as_it_looks="kind" in found,
            check=check,
            metrics=metrics,
            allow_code=found.get("allow_code", False),
            contenders=contenders,
            models=found.get("models", ()),
            seeds=found.get("seeds", (0,)),
            budget=Limits(**found.get("budget", {})),
            total=Limits(**found.get("total", {})),
            concurrency=found.get("concurrency", 8),
            base=base,
            source=self.text,
            path=self.path,
        )

    def _at(self, *path: str) -> Span | None:
        piece: Piece | None = self.piece
        span: Span | None = None
        for name in path:
            if not isinstance(piece, Table):
                break
            piece = piece.get(name)
            span = piece.span if piece else span
        return span

    def _data(self, found: Mapping[str, Any]) -> DataSpec:
        sources = [name for name in ("file", "dataset", "generate") if name in found]
        if len(sources) != 1 and not self.problems.errors:
            self.problems.error(
                "data",
                self._at("data"),
                "data come from a 'file', a 'dataset', or are made by 'generate': just one",
            )
        name = found.get("generate")
        if name is not None and "limit" in found:
            self.problems.error(
                "data", self._at("data", "limit"), "'limit' is for data; 'n' says how many are made"
            )
        if name is not None:
            for problem in generators.misfits(name, found.get("with", {})):
                place = (
                    self._at("data", "with", problem.option)
                    if problem.option
                    else self._at("data", "generate")
                )
                self.problems.error("generator", place, problem.message, problem.note)
        return DataSpec(
            files=found.get("file", ()),
            separator=found.get("separator", ""),
            dataset=found.get("dataset"),
            config=found.get("config"),
            split=found.get("split"),
            revision=found.get("revision"),
            generate=name,
            n=found.get("n", DataSpec.__dataclass_fields__["n"].default),
            seed=found.get("seed", 0),
            options=found.get("with", {}),
            limit=found.get("limit"),
        )

    def _ways(self, found: Mapping[str, Any], data: DataSpec) -> tuple[str, str]:
        """The kind of answer and the way of checking: said, else the generator's own."""
        made = generators.GENERATORS.get(data.generate or "")
        check = found.get("check") or (made.check if made else "equal")
        wanted = CHECKS[check].kind
        kind = found.get("kind") or wanted or (made.kind if made else "auto")
        if wanted and kind != wanted:
            self.problems.error(
                "kind", self._at("kind"), f"'check: {check}' needs answers of kind {wanted!r}, not {kind!r}"
            )
        if "choices" in found.get("fields", {}) and kind != "choice":
            self.problems.error("kind", self._at("fields", "choices"), "choices need 'kind: choice'")
        return kind, check

    def _metrics(self, found: Any, seeds: int) -> Iterator[Metric]:
        if isinstance(found, tuple):
            found = {name: name for name in found}
        for label, said in found.items() if isinstance(found, dict) else ():
            span = self._at("metrics", label)
            if isinstance(said, dict):
                judge = said.get("judge", "")
                models = said.get("models", {})
                yield Metric(
                    name=label,
                    by="judge",
                    judge=self._ref(judge),
                    params=said.get("params", {}),
                    models={"*": models} if isinstance(models, str) else models,
                    span=span,
                )
            elif isinstance(said, str):
                name, _, k = said.partition("@")
                if k and int(k) > seeds:
                    wanted = f"{said!r} needs {k} seeds or more, there are {seeds}"
                    self.problems.error("metric", span, wanted, "as in seeds: [0, 1, 2]")
                yield Metric(name=label, by=name, k=int(k or 1), span=span)

    def _contenders(self, found: Any) -> list[Contender]:
        piece = self.piece.get("workflows") if isinstance(self.piece, Table) else None
        if isinstance(piece, Listing) and isinstance(found, tuple):
            spans = {item.text: item.span for item in piece.items if isinstance(item, Scalar)}
            return [
                Contender(label=_label(ref), workflow=self._ref(ref), span=spans.get(ref)) for ref in found
            ]
        if not isinstance(piece, Table) or not isinstance(found, dict):
            return []
        made: list[Contender] = []
        for label, said in found.items():
            key = piece.key(label)
            made += self._of(label, said, key.span if key else None)
        return made

    def _of(self, label: str, said: Any, span: Span | None) -> list[Contender]:
        if isinstance(said, str):
            said = {"workflow": said} if said else {}
        if not isinstance(said, dict):
            return []
        ref, params = self._ref(said.get("workflow", label)), said.get("params", {})
        models, grid = said.get("models", {}), said.get("grid", {})
        both = [name for name in grid if name in params]
        if both:
            self.problems.error(
                "duplicate", span, f"parameter {both[0]!r} stands in both params and grid of {label!r}"
            )
        cells = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        if len(cells) > MOST_CONTENDERS:
            self.problems.error(
                "grid", span, f"the grid of {label!r} has {len(cells)} cells (limit: {MOST_CONTENDERS})"
            )
            return []
        return [
            Contender(
                label=label + _cell(cell), workflow=ref, params={**params, **cell}, models=models, span=span
            )
            for cell in cells
        ]

    def _ref(self, ref: str) -> str:
        """A workflow's name, or its path made relative to the scenario's file."""
        named = Path(ref).name == ref and Path(ref).suffix not in _SUFFIXES
        if named or self.path is None or Path(ref).is_absolute():
            return ref
        return str(self.path.parent / ref)

    def _labels(self, contenders: Sequence[Contender]) -> None:
        seen: set[str] = set()
        for contender in contenders:
            if contender.label in seen:
                self.problems.error(
                    "duplicate", contender.span, f"two contenders are called {contender.label!r}"
                )
            seen.add(contender.label)

    def _check(self, contender: Contender) -> None:
        try:
            load_workflow(contender.workflow, params=contender.params, models=contender.models)
        except WorkflowInvalid as error:
            first = error.diagnostics[0]
            note = f"{first.place}: {first.message}"
            self.problems.error(
                "workflow", contender.span, f"workflow {contender.workflow!r} has mistakes", note
            )
        except RebutError as error:
            self.problems.error("workflow", contender.span, str(error))


def _as_contender(judge: Metric) -> Contender:
    """A judge as a workflow that is to be looked at."""
    return Contender(
        label=judge.name, workflow=judge.judge, params=judge.params, models=judge.models, span=judge.span
    )


def _label(ref: str) -> str:
    return ref if ref in workflow_names() else Path(ref).stem


def _cell(cell: Mapping[str, Any]) -> str:
    if not cell:
        return ""
    return " " + ",".join(f"{name}={_value(value)}" for name, value in cell.items())


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
