"""Limits of a budget, and how a user writes them: ``calls=10,tokens=20k,usd=0.5,seconds=2m``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from rebut.errors import InputError, suggest

_NUMBER = re.compile(r"(\d+(?:[_ ]\d+)*(?:\.\d+)?|\.\d+)(.*)", re.DOTALL)
_COUNTS = {"": 1, "k": 1_000, "M": 1_000_000, "m": 1_000_000}
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
_HOW = "write calls=10,tokens=20k,usd=0.5,seconds=60"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most completions, tokens (of prompts and completions), US dollars and seconds; None for no limit.

    >>> Limits.parse("calls=10, tokens=20k, usd=$0.5, seconds=2m")
    Limits(calls=10, tokens=20000, usd=0.5, seconds=120.0)
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"a budget cannot be {field.name}={value} (from 0, or nothing for no limit)")

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return not (self.calls is self.tokens is self.usd is self.seconds is None)

    def as_dict(self) -> dict[str, float | None]:
        """The limits by name."""
        return {"calls": self.calls, "tokens": self.tokens, "usd": self.usd, "seconds": self.seconds}

    @classmethod
    def parse(cls, text: str) -> Limits:
        """Limits as a user writes them; a bare number is calls.

        Raises:
            InputError: unknown, doubled or unreadable parts.
        """
        values: dict[str, int | float] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, _, value = part.partition("=") if "=" in part else _bare(part)
            name = name.strip()
            if name not in _READERS:
                raise InputError(f"unknown budget {name!r} in {text!r}{suggest(name, tuple(_READERS))}")
            if name in values:
                raise InputError(f"budget {name!r} is given twice in {text!r}")
            values[name] = _READERS[name](value.strip(), part)
        if not values:
            raise InputError(f"empty budget {text!r} ({_HOW})")
        return cls(**values)  # type: ignore[arg-type]


UNLIMITED = Limits()


def _bare(part: str) -> tuple[str, str, str]:
    if part.startswith("$"):
        return ("usd", "=", part)
    return ("calls", "=", part)


def _count(value: str, part: str) -> int:
    number = _scaled(value, _COUNTS, part)
    if number != int(number):
        raise InputError(f"not a whole number in budget {part!r} ({_HOW})")
    return int(number)


def _usd(value: str, part: str) -> float:
    return _scaled(value.removeprefix("$").strip(), {"": 1}, part)


def _time(value: str, part: str) -> float:
    return float(_scaled(value, _SECONDS, part))


_READERS = {"calls": _count, "tokens": _count, "usd": _usd, "seconds": _time}


def _scaled(value: str, units: dict[str, int], part: str) -> float:
    match = _NUMBER.fullmatch(value)
    unit = match[2].strip() if match else ""
    if match is None or unit not in units:
        possible = ", ".join(u for u in units if u)
        raise InputError(f"cannot read budget {part!r} ({_HOW}{'; units: ' + possible if possible else ''})")
    return float(match[1].replace("_", "").replace(" ", "")) * units[unit]
