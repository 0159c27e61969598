"""What the user typed, made into values: questions, ``name=value`` pairs, models, budgets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebut.errors import InputError, suggest

if TYPE_CHECKING:
    from ..graphs.spec import WorkflowSpec

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def read_file(path: str) -> str:
    """The text of a file, ``-`` for stdin.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        where = "stdin" if path == "-" else path
        raise InputError(f"{where} is not UTF-8 text (byte {error.start})") from None


def question_of(argument: str | None, file: str | None, *, wanted: bool) -> str | None:
    """The question: the argument, the file, or what is piped in; None when the workflow asks for none.

    Raises:
        InputError: two are given, or one is wanted and there is none.
    """
    if argument not in (None, "-") and file is not None:
        raise InputError("two questions: give an argument or -f FILE, not both")
    if file is not None or argument == "-":
        question = read_file(file or "-")
    elif argument is not None:
        question = argument
    elif wanted and not sys.stdin.isatty():
        question = read_file("-")
    elif not wanted:
        return None
    else:
        raise InputError("no question: give it as an argument, by -f FILE, or on stdin")
    if not question.strip():
        raise InputError("the question is empty")
    return _sound("the question", _lines(question).strip("\n"))


def reply_of(text: str | None, file: str | None) -> str | None:
    """A reply written by hand, as it was typed or from a file (``-`` is stdin); None for none.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    if file is not None:
        text = read_file(file)
    return None if text is None else _sound("the reply", _lines(text).strip("\n"))


def _lines(text: str) -> str:
    """The text with line ends as they are here, whatever they were where it was written."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _sound(what: str, text: str) -> str:
    """The text, if it is Unicode: arguments that are not UTF-8 arrive as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what} is not UTF-8 text (character {error.start})") from None
    return text


def pairs_of(option: str, texts: Iterable[str]) -> dict[str, str]:
    """``name=value`` texts as a mapping.

    Raises:
        InputError: no ``=``, no name, or a name given twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise InputError(f"{option} wants name=value, got {text!r}")
        if name in pairs:
            raise InputError(f"{option} {name} is given twice")
        pairs[name] = value
    return pairs


def inputs_of(texts: Iterable[str], spec: WorkflowSpec) -> dict[str, Any]:
    """Inputs beside the question; a value ``@FILE`` is read from the file, a picture as a data URL.

    Raises:
        InputError: an input that the workflow does not have, or a file that cannot be read.
    """
    pairs = pairs_of("-i", texts)
    for name in pairs:
        if name not in spec.inputs:
            raise InputError(f"workflow {spec.name!r} has no input {name!r}{suggest(name, spec.inputs)}")
    return {
        name: _from(value[1:]) if value.startswith("@") else _sound(f"input {name!r}", value)
        for name, value in pairs.items()
    }


def _from(file: str) -> str:
    from rebut.agents.pictures import is_picture, picture

    return picture(file) if is_picture(file) else read_file(file)


def params_of(texts: Iterable[str]) -> dict[str, str]:
    """Parameters as they were typed; the workflow makes them what they stand for, and checks them.

    Raises:
        InputError: a text is not ``name=value``.
    """
    return pairs_of("-p", texts)


def models_of(texts: Iterable[str]) -> dict[str, str]:
    """Models by agent or role; ``*`` is everyone else's.

    >>> models_of(["local/smollm2", "judge=openai/gpt-5-mini"])
    {'*': 'local/smollm2', 'judge': 'openai/gpt-5-mini'}

    Raises:
        InputError: a model is missing, or the same name is given two.
    """
    models: dict[str, str] = {}
    for text in texts:
        name, equals, model = text.partition("=")
        if not (equals and _NAME.fullmatch(name)):
            name, model = "*", text
        if not model.strip():
            raise InputError(f"-m {text!r} names no model (-m MODEL, or -m ROLE=MODEL)")
        if name in models:
            whom = "everyone" if name == "*" else name
            raise InputError(f"-m gives {whom} two models: {models[name]!r} and {model!r}")
        models[name] = model
    return models
