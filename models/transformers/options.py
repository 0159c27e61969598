"""How a model is to be run: `transformers/<hub id or folder>?ctx=4096&dtype=bfloat16&device=cuda&batch=8`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl

from rebut.errors import SettingsError, suggest

PREFIX = "transformers/"
DTYPES = ("auto", "float32", "bfloat16", "float16")

_DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is set up.

    Attributes:
        ctx: tokens that one prompt and its reply may fill; never more than the model was trained for. As many
            tokens of prompts read lately are kept, for other prompts that begin alike.
        dtype: of the weights; ``auto`` is float32 on a processor and the file's own on an accelerator.
        device: such as ``cpu`` or ``cuda:0``; ``auto`` takes the accelerators there are, else the processor.
        batch: the most completions of one prompt that are decoded at the same time.
    """

    ctx: int = 8192
    dtype: str = "auto"
    device: str = "auto"
    batch: int = 16


def split(model: str, defaults: Options) -> tuple[str, Options]:
    """The hub id or folder in a model string, and the options in it.

    >>> split("transformers/owner/name?dtype=bfloat16", Options())
    ('owner/name', Options(ctx=8192, dtype='bfloat16', device='auto', batch=16))

    Raises:
        SettingsError: an option is not known or has no sensible value; or no model is named.
    """
    name, _, query = model.removeprefix(PREFIX).partition("?")
    if not name:
        raise SettingsError(
            f"no model named in {model!r} (expected: transformers/OWNER/NAME, or transformers/FOLDER)"
        )
    asked = {f.name: getattr(defaults, f.name) for f in fields(Options)}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _READERS:
            raise SettingsError(
                f"unknown option {key!r} in the model {model!r}{suggest(key, list(_READERS))}"
            )
        asked[key] = _READERS[key](key, value, model)
    return name, Options(**asked)


def _number(low: int, high: int) -> Callable[[str, str, str], int]:
    def read(key: str, value: str, model: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise _wrong(key, value, model, f"a whole number, {low} to {high}")
        return int(value)

    return read


def _dtype(key: str, value: str, model: str) -> str:
    if value not in DTYPES:
        raise _wrong(key, value, model, ", ".join(DTYPES))
    return value


def _device(key: str, value: str, model: str) -> str:
    if not _DEVICE.fullmatch(value):
        raise _wrong(key, value, model, "auto, cpu, mps, cuda or xpu, the last two also with a number")
    return value


def _wrong(key: str, value: str, model: str, expected: str) -> SettingsError:
    return SettingsError(f"{key}={value} in the model {model!r}: expected {expected}")


_READERS: Mapping[str, Callable[[str, str, str], int | str]] = {
    "ctx": _number(256, 1 << 20),
    "dtype": _dtype,
    "device": _device,
    "batch": _number(1, 256),
}
