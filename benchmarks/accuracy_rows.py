"""What the accuracy benchmark asks and what it keeps: questions, and a line of JSON for each answered one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NAME = "gsm8k"


class Unusable(Exception):
    """The data, the earlier results or an argument cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its reference answer, which only the grading sees."""

    id: str
    text: str
    gold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question put to one workflow.

    Attributes:
        params: the workflow's parameters; `model` and `seed` likewise decide whether rows belong together.
        stop: the run's stop reason, ``failed`` where it ended in an error (`error`).
        started, ended: seconds since the epoch; `seconds` is the run's own time.
        notes: how often each kind of note was made; `said` their first words.
        lost_votes: votes that could not be cast for want of an answer.
    """

    id: str
    workflow: str
    model: str
    params: Mapping[str, Any]
    seed: int
    concurrency: int
    answer: Any
    gold: str
    correct: bool
    stop: str
    error: str = ""
    calls: int
    prompt: int
    cached: int
    completion: int
    seconds: float
    started: float
    ended: float
    notes: Mapping[str, int] = field(default_factory=dict)
    lost_votes: int = 0
    said: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, str, int]:
        """What must be the same for two rows to stand in one line of the table."""
        return settings_of(self.model, self.params, self.seed)


def settings_of(model: str, params: Mapping[str, Any], seed: int) -> tuple[str, str, int]:
    """Settings in a form that compares."""
    return (model, json.dumps(dict(params), sort_keys=True), seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the benchmark that added rows: how, where and when."""

    session: str
    command: str
    machine: str
    versions: str
    model: str
    seed: int
    concurrency: int


def read_questions(path: Path, count: int) -> list[Question]:
    """The first `count` questions of the data folder, or of a file of the same form.

    Raises:
        Unusable: there is no such file, or a line does not hold a question and its answer.
    """
    file = path / NAME / f"{NAME}.jsonl" if path.is_dir() else path
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"cannot read the questions: {error} (give the data folder by --data)") from None
    questions: list[Question] = []
    for number, line in enumerate(lines, 1):
        if len(questions) == count:
            break
        if line.strip():
            questions.append(_question(line, f"{file.name}:{number}"))
    if len({q.id for q in questions}) < len(questions):
        raise Unusable(f"two questions of {file.name} have the same id")
    if len(questions) < count:
        raise Unusable(f"{file.name} holds {len(questions)} questions, {count} are wanted")
    return questions


def _question(line: str, where: str) -> Question:
    try:
        data = json.loads(line)
        return Question(str(data["id"]), str(data["question"]), str(data["answer"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"{where} is no question with id, question and answer: {error!r}") from None


class Book:
    """The file of rows: what is in it is not asked again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, str], Row] = {}
        self.sessions: list[Session] = []
        self.unread = 0
        if path.exists():
            self._read(path.read_text("utf-8", errors="replace"))

    def _read(self, text: str) -> None:
        for line in filter(str.strip, text.split("\n")):
            try:
                data = json.loads(line)
                if "session" in data:
                    self.sessions.append(Session(**data))
                else:
                    row = Row(**data)
                    self.rows[row.workflow, row.id] = row
            except (ValueError, TypeError):  # a line cut short when the process was killed
                self.unread += 1

    def begin(self, session: Session) -> None:
        """Note who adds the rows that follow."""
        self.sessions.append(session)
        self._write(asdict(session))

    def add(self, row: Row) -> None:
        """Keep a row; it is on the disk when this returns."""
        self.rows[row.workflow, row.id] = row
        self._write(asdict(row))

    def _write(self, data: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(data, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
        with self.path.open("a+b") as file:
            if file.tell() and not _ends_a_line(file):
                line = b"\n" + line
            file.write(line)

    def of(self, workflow: str, ids: Iterable[str]) -> list[Row]:
        """The rows of a workflow, in the order of `ids`."""
        return [self.rows[workflow, id_] for id_ in ids if (workflow, id_) in self.rows]

    def hold_to(self, workflow: str, settings: tuple[str, str, int]) -> None:
        """Refuse rows that were made with another model, other parameters or another seed.

        Raises:
            Unusable: there are such rows.
        """
        for row in self.rows.values():
            if row.workflow == workflow and row.settings != settings:
                raise Unusable(
                    f"{self.path.name} holds rows of {workflow} with other settings ({_said(row.settings)}; "
                    f"now {_said(settings)}): give another --out, or move the file away"
                )


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _said(settings: tuple[str, str, int]) -> str:
    return f"model {settings[0]}, parameters {settings[1]}, seed {settings[2]}"
