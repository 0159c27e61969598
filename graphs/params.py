"""Parameters: given values held to the types and bounds that the workflow declares."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from rebut.errors import InputError, suggest

from .spec import Param, WorkflowSpec


def resolve_params(spec: WorkflowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters: the given ones checked, the others at their defaults.

    Raises:
        InputError: a name is unknown, or a value of the wrong type or out of bounds.
    """
    for name in given:
        if name not in spec.params:
            raise InputError(
                f"workflow {spec.name!r} has no parameter {name!r}{suggest(name, list(spec.params))}"
            )
    return {
        name: _checked(name, given[name], param) if name in given else param.default
        for name, param in spec.params.items()
    }


def _checked(name: str, value: Any, param: Param) -> Any:
    value = _typed(name, value, param.default)
    if param.choices and value not in param.choices:
        possible = ", ".join(map(str, param.choices))
        raise InputError(f"parameter {name!r} must be one of {possible}, it is {value!r}")
    if param.min is not None and value < param.min:
        raise InputError(f"parameter {name!r} must be at least {param.min:g}, it is {value!r}")
    if param.max is not None and value > param.max:
        raise InputError(f"parameter {name!r} must be at most {param.max:g}, it is {value!r}")
    return value


def _typed(name: str, value: Any, default: Any) -> Any:
    wanted = type(default)
    if default is None or (isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool))):
        return value
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        read = _read(value, wanted)
        if read is not None:
            return read
    raise InputError(f"parameter {name!r} must be {_WORDS.get(wanted, wanted.__name__)}, it is {value!r}")


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list such as [a, b]",
    tuple: "a list such as [a, b]",
    dict: "a mapping",
}
_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_as(text: str, like: Any) -> Any:
    """The value of `like`'s type that a command line's text stands for, or None."""
    return text if isinstance(like, str) else _read(text, type(like))


def _read(text: str, wanted: type) -> Any:
    """The value that a command line's text stands for, or None."""
    if wanted is bool:
        return _BOOLS.get(text.strip().lower())
    if wanted in (int, float):
        try:
            number = wanted(text)
        except ValueError:
            return None
        return number if isfinite(number) else None
    return _list(text, wanted) if wanted in (list, tuple) else None


def _list(text: str, wanted: type) -> Any:
    """The list in a YAML flow such as ``[a, b]``, or None."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    return wanted(value) if isinstance(value, list) else None
