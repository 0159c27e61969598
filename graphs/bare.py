"""A workflow's file without what is written for its readers only."""

from __future__ import annotations

from typing import Any

from .diagnostics import Problems
from .source import Piece, Scalar, Table, read

WORDS = frozenset({"title", "about", "cite"})
"""Keys of a file that do not change how it runs."""


def bare(source: str) -> Any:
    """What a file says beside titles, helps, comments and layout, as data that can be written as JSON.

    Mappings become lists of pairs, in the order of the file. A file that cannot be read stays as it is.

    >>> bare("about: a\\nname: x  # y")
    [['name', "'x'"]]
    """
    document = read(source, Problems("", source))
    if not isinstance(document, Table):
        return source
    entries = [(key.text, value) for key, value in document.entries if key.text not in WORDS]
    return [[name, _params(value) if name == "params" else _data(value)] for name, value in entries]


def _data(piece: Piece) -> Any:
    if isinstance(piece, Scalar):
        return repr(piece.value)
    if isinstance(piece, Table):
        return [[key.text, _data(value)] for key, value in piece.entries]
    return [_data(item) for item in piece.items]


def _params(piece: Piece) -> Any:
    if not isinstance(piece, Table):
        return _data(piece)
    return [[key.text, _param(value)] for key, value in piece.entries]


def _param(piece: Piece) -> Any:
    if not isinstance(piece, Table):
        return _data(piece)
    return [[key.text, _data(value)] for key, value in piece.entries if key.text != "help"]
