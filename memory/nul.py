"""Texts with NUL characters in PostgreSQL, which has no place for them in its texts.

A NUL is kept as two characters, U+FDD0 and ``0``; U+FDD0 itself, which Unicode gives no meaning, as U+FDD0
and ``1``. All other texts are kept as they are. JSON is not concerned: there a NUL is written as an escape.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

MARK = "\ufdd0"

_KEPT = {f"{MARK}0": "\x00", f"{MARK}1": MARK}


def kept(text: str) -> str:
    """The text as it is kept.

    >>> ascii(kept("a\\x00b"))
    "'a\\\\ufdd00b'"
    """
    if "\x00" in text or MARK in text:
        return text.replace(MARK, f"{MARK}1").replace("\x00", f"{MARK}0")
    return text


def given(text: str) -> str:
    """The text that was kept so; half a pair, where a database cut it off, is left out.

    >>> given(kept("a\\x00b")) == "a\\x00b"
    True
    """
    if MARK not in text:
        return text
    return re.sub(f"{MARK}[01]?", lambda found: _KEPT.get(found[0], ""), text)


def adapt(connection: Any) -> None:
    """Let a connection of psycopg write and read texts so."""
    strings: Any = importlib.import_module("psycopg.types.string")

    def writer(base: Any) -> Any:
        return type("Writer", (base,), {"dump": lambda self, text: base.dump(self, kept(text))})

    def load(loader: Any, data: Any) -> str:
        text: str | bytes = strings.TextLoader.load(loader, data)
        return given(text if isinstance(text, str) else text.decode())

    reader = type("Reader", (strings.TextLoader,), {"load": load})
    for base in (strings.StrBinaryDumper, strings.StrDumper):  # the last is taken where either would do
        connection.adapters.register_dumper(str, writer(base))
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, reader)
