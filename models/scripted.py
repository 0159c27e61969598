"""The back end `scripted/<file.yaml>`: a whole workflow offline, each speaker's words in a file.

::

    rules:
      - when: {system: judge, last: "(?i)who is right"}
        say: '{"winner": "affirmative"}'
      - when: affirmative                 # found anywhere in the conversation
        say: [It is., It is all the same.]
        then: fail                        # asked a third time; `repeat` (the last line) if not given
      - say: {error: busy}                # no `when`: every other request
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rebut.errors import InputError, SettingsError

from .script import EVERYTHING, Cue, ErrorName, Line, Scripted, Unscripted, conversation, in_turn, perform
from .wire import Capabilities, Finish, Inside, Request, Response, Sink

__all__ = ["Script", "Scripted", "ScriptedBackend", "Unscripted", "read_script"]

PREFIX = "scripted/"


class When(BaseModel):
    """Regular expressions that must all be found: in the system message, the last message, anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: re.Pattern[str] | None = None
    last: re.Pattern[str] | None = None
    any: re.Pattern[str] | None = None

    def fits(self, request: Request) -> bool:
        """Whether all of them are found."""
        system = "\n\n".join(m.content for m in request.messages if m.role == "system")
        last = request.messages[-1].content if request.messages else ""
        looked = ((self.system, system), (self.last, last), (self.any, conversation(request)))
        return all(pattern is None or pattern.search(text) for pattern, text in looked)


class Rule(BaseModel):
    """What to say to the requests that fit `when`.

    `delay`, `finish`, `logprobs` and `inside` hold for the lines that do not set their own; `error` alone,
    without `say`, fails every time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: When = When()
    say: tuple[Line, ...] = ()
    then: Literal["repeat", "fail"] = "repeat"
    error: ErrorName | None = None
    delay: float | None = Field(default=None, ge=0)
    finish: Finish = "stop"
    logprobs: tuple[tuple[str, float] | tuple[str, float, dict[str, float]], ...] | None = None
    inside: Inside | None = None

    @field_validator("when", mode="before")
    @classmethod
    def _anywhere(cls, value: Any) -> Any:
        return {"any": value} if isinstance(value, str) else value

    @field_validator("say", mode="before")
    @classmethod
    def _lines(cls, value: Any) -> Any:
        several = value if isinstance(value, list | tuple) else [value]
        return [_line(one) for one in several]

    @model_validator(mode="after")
    def _something_to_say(self) -> Rule:
        if self.error and self.say:
            raise ValueError("`say` or `error`, not both; a list may mix them: say: [{error: busy}, text]")
        if not self.error and not self.say:
            raise ValueError("nothing to `say`, and no `error`")
        return self

    def lines(self) -> Sequence[Line]:
        """The lines with what the rule says of all of them filled in."""
        own = {
            "delay": self.delay,
            "finish": self.finish,
            "logprobs": self.logprobs,
            "inside": self.inside,
        }
        if self.error:
            return [Line(error=self.error, delay=self.delay)]
        return [
            line.model_copy(update={k: v for k, v in own.items() if k not in line.model_fields_set})
            for line in self.say
        ]


class Script(BaseModel):
    """A script file: the rules, first match wins, and what the back end claims to be able to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = Field(min_length=1)
    capabilities: Capabilities = EVERYTHING

    @field_validator("capabilities", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        known = [f.name for f in fields(Capabilities)]
        for name in value:
            if name not in known:
                raise ValueError(f"unknown capability {name!r} (possible: {', '.join(known)})")
        return asdict(EVERYTHING) | value

    def can(self) -> Capabilities:
        """The capabilities as stated; what is not stated, as most back ends can."""
        return self.capabilities

    def cues(self, where: str) -> list[Cue]:
        """The rules, each with a count of its own, starting at its first line."""
        return [
            Cue(f"{where}: rule {i}", rule.when.fits, in_turn(rule.lines(), repeat=rule.then == "repeat"))
            for i, rule in enumerate(self.rules, 1)
        ]


def read_script(path: Path) -> Script:
    """Read a script file.

    Raises:
        InputError: it is not there, not YAML, or not a script; all problems are named.
    """
    import yaml

    try:
        # Words stay words: what YAML would turn into a number or a truth is said as it is written.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as bad:
        raise InputError(f"cannot read the script {str(path)!r}: {bad.strerror or bad}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as bad:
        raise InputError(f"{path}: not YAML: {bad}") from None
    try:
        return Script.model_validate({"rules": data} if isinstance(data, list) else data)
    except ValidationError as bad:
        problems = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in bad.errors())
        raise InputError(f"{path}: {problems}") from None


class ScriptedBackend:
    """Serves every `scripted/<file.yaml>`; files are looked up in `folder` (the working folder if None).

    A file is read once; its rules count on over all runs of this instance.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._open: dict[str, tuple[Script, list[Cue]]] = {}

    def capabilities(self, model: str) -> Capabilities:
        """What the script says that it can.

        Raises:
            InputError: the file cannot be read.
        """
        return self._script(model)[0].can()

    def price(self, model: str) -> tuple[float, float] | None:
        """Nothing."""
        return (0.0, 0.0)

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        """Say what the first rule that fits holds next.

        Raises:
            InputError: the file cannot be read, no rule fits (`Unscripted`), or its lines are used up.
            ModelError: the one that stands in the script.
        """
        return await perform(request, self._script(request.model)[1], sink)

    async def close(self) -> None:
        """Forget the files."""
        self._open.clear()

    def _script(self, model: str) -> tuple[Script, list[Cue]]:
        if model not in self._open:
            name = model.removeprefix(PREFIX)
            if not name:
                raise SettingsError(f"no file named in the model {model!r} (expected: scripted/FILE.yaml)")
            path = (self._folder or Path()) / Path(name).expanduser()
            script = read_script(path)
            self._open[model] = (script, script.cues(path.name))
        return self._open[model]


def _line(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


def _place(loc: Sequence[int | str]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in loc) or "file"
