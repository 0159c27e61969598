"""A log's samples as the items of a scenario, and its outputs as a contender to compare with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

from rebut.errors import InputError

from ...agents.answers import extract
from .packing import log_of

SHOWN = 5
"""Samples that were left out, and are named."""


@dataclass(slots=True)
class Taken:
    """What was made of a log.

    Attributes:
        files: that were written: the scenario first.
        recorded: how many items have an output in the log; they make the contender `label`.
        right: the share of those that the log's own scorer found right; None where it does not say.
        skipped: samples that make no item, and why.
        epochs: how many times the log has each sample; only the first is taken.
    """

    files: list[Path] = field(default_factory=list)
    items: int = 0
    kind: str = "auto"
    label: str = ""
    recorded: int = 0
    right: float | None = None
    skipped: list[str] = field(default_factory=list)
    epochs: int = 1


@dataclass(frozen=True, slots=True)
class _Sample:
    id: str
    question: str
    gold: tuple[str, ...]
    output: str
    value: float | None


def take(log: Path, scenario: Path, *, force: bool = False) -> Taken:
    """Make a scenario of a log: ``NAME.yaml``, its items in ``NAME.jsonl``, and, where the log has outputs,
    ``NAME.recorded.yaml``, a script that says them again: as a contender they cost nothing.

    Args:
        scenario: the scenario's file, or its name.
        force: overwrite files.

    Raises:
        InputError: not a log, no sample makes an item, or files are there.
        SettingsError: the log cannot be unpacked here.
    """
    path = scenario if scenario.suffix in (".yaml", ".yml") else scenario.with_name(scenario.name + ".yaml")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", path.stem):
        raise InputError(f"no name of a scenario (small letters, digits, - and _): {path.stem!r}")
    head, samples = log_of(log)
    taken = Taken(label=_label(head))
    items = list(_items(samples, taken, log))
    if not items:
        why = "; ".join(taken.skipped[:SHOWN]) or "it has none"
        raise InputError(f"{log}: no sample makes an item: {why}")
    taken.items = len(items)
    taken.kind = _kind([one.gold for one in items], choices=taken.kind == "choice")
    recorded = [one for one in items if one.output.strip()]
    taken.recorded = len(recorded)
    values = [one.value for one in recorded if one.value is not None]
    taken.right = sum(values) / len(values) if values and len(values) == len(recorded) else None
    data, script = path.with_suffix(".jsonl"), path.with_suffix(".recorded.yaml")
    texts = {path: _scenario(path, head, log, taken, script), data: _rows(items)}
    if recorded:
        texts[script] = _script(recorded, len(items), log)
    _write(texts, force)
    taken.files = list(texts)
    return taken


def _items(samples: Iterator[dict[str, Any]], taken: Taken, log: Path) -> Iterator[_Sample]:
    seen: set[str] = set()
    for place, one in enumerate(samples, 1):
        name = str(one.get("id", place))
        taken.epochs = max(taken.epochs, _whole(one.get("epoch")))
        if name in seen:
            continue
        seen.add(name)
        question, gold = _question(one), _gold(one.get("target"))
        if question is None or not gold:
            why = "its input is not text alone" if question is None else "it has no target"
            taken.skipped.append(f"sample {name!r}: {why}")
            continue
        if one.get("choices"):
            taken.kind = "choice"
        yield _Sample(name, question, gold, _output(one), _value(one.get("scores")))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 1


def _question(one: Mapping[str, Any]) -> str | None:
    """The words of the input, with the choices below; None where something else is asked than words."""
    given = one.get("input")
    texts = [given] if isinstance(given, str) else [_words(message) for message in given or ()]
    if not texts or any(text is None for text in texts):
        return None
    choices = one.get("choices") or ()
    options = [f"{chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices)]
    said = "\n\n".join(text.strip() for text in texts if text)
    return "\n\n".join([said, *(["\n".join(options)] if options else [])]) or None


def _words(message: Any) -> str | None:
    """The text of a message, or of a list of its parts; None where a part is no text."""
    content = message.get("content") if isinstance(message, Mapping) else message
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
    hidden = [isinstance(part, Mapping) and part.get("type") == "reasoning" for part in content]
    kept = [part for part, skip in zip(parts, hidden, strict=True) if not skip]
    return None if any(not isinstance(part, str) for part in kept) else "\n".join(kept)  # type: ignore[arg-type]


def _gold(target: Any) -> tuple[str, ...]:
    several = target if isinstance(target, list) else [target]
    return tuple(str(one) for one in several if isinstance(one, str | int | float) and str(one).strip())


def _output(one: Mapping[str, Any]) -> str:
    """What was answered; what a scorer took as the answer stands last, so that it is found again."""
    output = one.get("output")
    said = output.get("completion") if isinstance(output, Mapping) else None
    if not said and isinstance(output, Mapping) and output.get("choices"):
        said = _words(output["choices"][0].get("message", {}))
    text = said if isinstance(said, str) else ""
    scored = next(iter((one.get("scores") or {}).values()), None)
    answer = scored.get("answer") if isinstance(scored, Mapping) else None
    if isinstance(answer, str) and answer.strip() and text.strip() and "\n" not in answer.strip():
        return f"{text.rstrip()}\n\nANSWER: {answer.strip()}"
    return text


_VALUES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}


def _value(scores: Any) -> float | None:
    """How right the first score says that it is, from 0 to 1."""
    first = next(iter(scores.values()), None) if isinstance(scores, Mapping) else None
    value = first.get("value") if isinstance(first, Mapping) else None
    if isinstance(value, str):
        return _VALUES.get(value)
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _kind(golds: Sequence[tuple[str, ...]], *, choices: bool) -> str:
    """The kind of answer for which all targets are answers."""
    if choices:
        return "choice"
    every = [one for gold in golds for one in gold]
    for kind in ("number", "yesno"):
        if all(_plain(one, kind) and extract(f"Answer: {one}", kind) is not None for one in every):
            return kind
    return "auto"


def _plain(target: str, kind: str) -> bool:
    """Whether a target is nothing but a value of the kind."""
    if kind == "yesno":
        return target.strip().lower() in ("yes", "no", "true", "false")
    with suppress(ValueError):
        float(target.strip().replace(",", ""))
        return True
    return False


def _label(head: Mapping[str, Any]) -> str:
    about = head.get("eval")
    model = str(about.get("model") or "outputs") if isinstance(about, Mapping) else "outputs"
    return "recorded " + re.sub(r"[^\w.-]+", " ", model).strip()[:50]


def _rows(items: Sequence[_Sample]) -> str:
    rows = ({"id": one.id, "question": one.question, "answer": list(one.gold)} for one in items)
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)


def _scenario(path: Path, head: Mapping[str, Any], log: Path, taken: Taken, script: Path) -> str:
    task = str(head.get("eval", {}).get("task") or path.stem)
    spec: dict[str, Any] = {
        "name": path.stem,
        "title": f"The samples of {task}",
        "cite": f"inspect_ai log {log.name}",
        "data": {"file": path.with_suffix(".jsonl").name},
        "kind": taken.kind,
        "workflows": {"solve": {}},
    }
    if taken.recorded:
        spec["workflows"] = {
            taken.label: {"workflow": "solve", "models": {"solver": f"scripted/{script.as_posix()}"}},
            "solve": {},
        }
        spec["base"] = taken.label
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)


def _script(recorded: Sequence[_Sample], count: int, log: Path) -> str:
    """A rule for each question, the longest first: another may be a part of it."""
    rules: list[dict[str, Any]] = [
        {"when": {"last": re.escape(one.question.strip())}, "say": one.output}
        for one in sorted(recorded, key=lambda one: -len(one.question))
    ]
    if len(recorded) < count:
        rules.append({"say": "(the log has no output for this)"})
    told = json.dumps({"rules": rules}, ensure_ascii=False, indent=1)
    return f"# What {log.name.encode('ascii', 'replace').decode()} has as outputs.\n{told}\n"


def _write(texts: Mapping[Path, str], force: bool) -> None:
    there = [str(path) for path in texts if path.exists()]
    if there and not force:
        raise InputError(f"{', '.join(there)} would be overwritten (--force does it)")
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except (OSError, UnicodeEncodeError) as error:
            raise InputError(f"cannot write {path}: {error}") from error
