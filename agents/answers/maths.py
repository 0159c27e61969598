"""Formulas in LaTeX or plain text: a canonical string, and equality by algebra in a child process."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from rebut.errors import SettingsError

from .numbers import Quantity, quantity, same, written
from .surface import clean

T = TypeVar("T")
_PROMPT: ContextVar[bool] = ContextVar("rebut_promptly", default=False)

SECONDS = 6.0
"""Longest time for one comparison; a pair that takes longer counts as different."""

START_SECONDS = 120.0
LONGEST = 500
"""Formulas longer than this many characters are compared as strings only."""

_SUBSTITUTES = (
    (
        re.compile(
            r"\\(?:left|right|displaystyle|limits|bigl?|Bigl?|bigr|Bigr|[!,;:]|quad|qquad)(?![A-Za-z])|\\ |~"
        ),
        "",
    ),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt\s*(\d)"), r"\\sqrt{\1}"),
    (re.compile(r"\\(?:text|mbox|textrm|textbf|mathrm|mathbf)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\^\s*\{?\\circ\}?|°|\\degree(?![A-Za-z])"), ""),
    (re.compile(r"\\([$%#&])"), r"\1"),
    (re.compile(r"(?<=\d)\{,\}(?=\d)|(?<=\d),(?=\d{3}(?!\d))(?=[^()\[\]]*$)"), ""),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\\(?:cdot|times)(?![A-Za-z])|[·×]"), "*"),
    (re.compile(r"\\(?:le|leq)(?![A-Za-z])|≤"), r"\\le "),
    (re.compile(r"\\(?:ge|geq)(?![A-Za-z])|≥"), r"\\ge "),
    (re.compile(r"(?<![A-Za-z\\])(pi|theta|infty|alpha|beta)(?![A-Za-z])"), r"\\\1 "),
)
_SIGNS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "π": r"\pi ",
        "θ": r"\theta ",
        "∞": r"\infty ",
        "²": "^2",
        "³": "^3",
        "÷": "/",
        "∪": r"\cup ",
        "±": r"\pm ",
    }
)
_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt\s?\(([^()]{1,200})\)|√\s?(?:\(([^()]{1,200})\)|(\d{1,30}|[A-Za-z]))")
_BASE = re.compile(r"\d_\{?(\d+)\}?")
_WORD = re.compile(
    r"(?<![\\A-Za-z])(?!(?:sqrt|sinh|cosh|tanh|arcsin|arccos|arctan|theta|infty|alpha|beta)\b)[A-Za-z]{4,}"
)
_TEXT = re.compile(r"\\(?:text|mbox|textrm|mathrm|begin|end)\s*\{[^{}]*\}")
_FORMAL = re.compile(r"[\d\\^=+*/|<>]")


def math_key(answer: str) -> str:
    """A formula without layout: numbers in canonical form, else LaTeX with one spelling and no blanks.

    >>> math_key(r"\\dfrac{1}{2}"), math_key(r"2 \\cdot x")
    ('1/2', '2*x')
    """
    answer = clean(answer)
    number = numeric(answer)
    if number is not None:
        return written(number.value)
    if len(answer) > LONGEST:
        return "".join(answer.split())
    return re.sub(r"\s+", "", latex(answer))


def numeric(answer: str) -> Quantity | None:
    """The number that a formula is, if it is no more than a number with units."""
    return quantity(answer) if not _BASE.search(answer) else None


def latex(answer: str) -> str:
    """A formula in one spelling of LaTeX, ready to be parsed."""
    text = answer.translate(_SIGNS)
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2] or m[3]}}}", text)
    for pattern, new in _SUBSTITUTES:
        text = pattern.sub(new, text)
    return text.replace("$", " ").strip()


def formal(answer: str) -> bool:
    """Whether a string has anything that makes it a formula and not words."""
    return _FORMAL.search(answer) is not None


def plain_words(answer: str) -> list[str]:
    """Words of four letters or more that stand in a formula and are no function; sorted, in lower case."""
    return sorted(word.lower() for word in _WORD.findall(_TEXT.sub(" ", answer)))


class Slow(BaseException):
    """The algebra would have to be asked, where nobody can wait for it; no `Exception`, which some catch."""


def promptly(deed: Callable[[], T]) -> T:
    """Do something unless it needs the algebra; whether it does depends on the formulas alone.

    Raises:
        Slow: it does.
    """
    token = _PROMPT.set(True)
    try:
        return deed()
    finally:
        _PROMPT.reset(token)


def equal(a: str, b: str) -> bool:
    """Whether two formulas are equal; numbers as :func:`numbers.same`, others by computer algebra.

    The first formula that needs algebra starts a child process (about a second); a comparison may take up to
    `SECONDS`. Safe from any thread; call it by ``asyncio.to_thread`` where that would hold up an event loop.

    Raises:
        SettingsError: when the child process cannot be started.
        Slow: within `promptly`, when the algebra would have to be asked.
    """
    a, b = clean(a), clean(b)
    if math_key(a) == math_key(b):
        return True
    left, right = numeric(a), numeric(b)
    if left and right:
        return same(left, right)
    if max(len(a), len(b)) > LONGEST or not (formal(a) and formal(b)):
        return False
    if plain_words(a) != plain_words(b) and plain_words(a) and plain_words(b):
        return False  # the algebra would read words as products of letters, in any order
    if sorted(_BASE.findall(a)) != sorted(_BASE.findall(b)):  # the algebra would drop a number's base
        return False
    if _PROMPT.get():  # before any look at what is proved already: a replay must take the same way
        raise Slow
    first, second = sorted((latex(a), latex(b)))
    return _proved(first, second)


@lru_cache(maxsize=8192)
def _proved(a: str, b: str) -> bool:
    return PROVER.equal(a, b)


class Prover:
    """The child process: started when first needed, killed when it takes too long, one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._parents: subprocess.Popen[str] | None = None
        self._strikes: Counter[str] = Counter()

    def equal(self, a: str, b: str) -> bool:
        """Whether algebra proves the two formulas equal within `SECONDS`."""
        with self._lock:
            if max(self._strikes[a], self._strikes[b]) > 1:
                return False
            reply = None
            try:
                reply = self._ask(self._started(), json.dumps([a, b]), SECONDS)
            finally:
                if reply is None:  # also when interrupted: a late reply would answer the next question
                    self._end()
            if reply is None:
                self._strikes.update((a, b))
            return reply is True

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """Leave the child process to the parent, after a fork."""
        self._lock = threading.Lock()
        self._parents, self._child = self._child, None

    def _started(self) -> subprocess.Popen[str]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        script = str(Path(__file__).with_name("prover.py"))
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
        except OSError as error:
            raise SettingsError(
                f"math answers need a child process of {sys.executable!r}: {error}"
            ) from error
        self._child = child
        if self._ask(child, None, START_SECONDS) != "ready":
            self._end()
            raise SettingsError("math answers need the package math-verify, and it could not be loaded")
        return child

    def _ask(self, child: subprocess.Popen[str], line: str | None, seconds: float) -> object:
        """The child's next line, or None when it died or had to be killed."""
        assert child.stdin is not None and child.stdout is not None
        clock = threading.Timer(seconds, child.kill)
        clock.daemon = True
        clock.start()
        try:
            if line is not None:
                child.stdin.write(line + "\n")
                child.stdin.flush()
            reply = child.stdout.readline()
            return json.loads(reply) if reply.endswith("\n") else None
        except (OSError, ValueError):
            return None
        finally:
            clock.cancel()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unflushed input of a killed child
                    pipe.close()


PROVER = Prover()
atexit.register(PROVER.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROVER.forget)
