"""Pictures for models that see: files as data URLs, and what may stand for a picture in a prompt."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebut.errors import InputError

from ..models.wire import Message

KINDS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""What a file's name ends with, and the kind of picture."""
LARGEST = 20_000_000
"""Bytes of a picture."""

_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_ADDRESS = re.compile(r"https?://[^\s\"'<>]{1,4000}")


def is_picture(path: str | Path) -> bool:
    """Whether a file is a picture, by its name."""
    return Path(path).suffix[1:].lower() in KINDS


def picture(path: str | Path) -> str:
    """A picture file as a data URL, to be given to a workflow's input.

    Raises:
        InputError: it cannot be read, is too large, or its name does not say which kind of picture it is.
    """
    path = Path(path)
    kind = KINDS.get(path.suffix[1:].lower())
    if kind is None:
        raise InputError(f"no picture: {str(path)!r} (possible: {', '.join(KINDS)})")
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"picture too large: {str(path)!r} (limit: {LARGEST} bytes)")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"picture cannot be read: {str(path)!r} ({error.strerror})") from error
    if not data:
        raise InputError(f"picture is empty: {str(path)!r}")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def pictures(value: Any, name: str) -> tuple[str, ...]:
    """The pictures that a prompt's fact holds: one, or a list of them; none for None.

    Raises:
        InputError: something in it is neither a data URL of a picture nor the address of one.
    """
    if value is None:
        return ()
    found = value if isinstance(value, list | tuple) else (value,)
    for one in found:
        if not isinstance(one, str) or not (_DATA.fullmatch(one) or _ADDRESS.fullmatch(one)):
            shown = repr(one if len(str(one)) <= 40 else f"{str(one)[:40]}...")
            raise InputError(
                f"{name!r} holds no picture: {shown} (possible: a data URL, as `picture` of "
                f"rebut.agents.pictures makes of a file, or an address that begins with https://)"
            )
    return tuple(found)


def shown(messages: Sequence[Message], seen: tuple[str, ...]) -> tuple[Message, ...]:
    """The messages, the first of the user's with the pictures."""
    first = next((i for i, message in enumerate(messages) if message.role == "user"), None)
    if not seen or first is None:
        return tuple(messages)
    with_them = Message("user", messages[first].content, seen)
    return (*messages[:first], with_them, *messages[first + 1 :])
