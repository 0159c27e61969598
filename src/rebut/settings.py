"""Settings: defaults, under `rebut.toml`, under the environment; API keys are never among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rebut.errors import SettingsError, suggest

FILE = "rebut.toml"


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user chose once for all runs.

    Attributes:
        model: the model for every agent that names none.
        models: role -> model, stronger than `model`.
        store: where runs are kept: a path, a URL such as ``postgresql://user@host/rebut``, or ``none``; empty
            for the file in `home`.
        home: folder for the store and for weights; empty for the user's data folder of the platform.
        roles: folders with roles of the user's own, looked through before the shipped ones.
        fallbacks: model -> models to ask instead when it stays unavailable, busy or silent.
        concurrency: model -> the most requests in flight; ``*`` for every model not named.
        rates: model -> (requests, tokens) a minute, each None for no limit; ``*`` for every model not named.
        prices: model -> (US dollars for one prompt token, for one completion token).
        lanes: provider -> ``translator`` or ``acompletion`` (how LiteLLM is used for it).
        timeout: seconds for one attempt of a model call.
        retries: how often a failed attempt is repeated.
        source: the file that was read, or None.
    """

    model: str = "local/default"
    models: Mapping[str, str] = field(default_factory=_none)
    store: str = field(default="", repr=False)  # it may hold a password
    home: str = ""
    roles: tuple[str, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=_none)
    concurrency: Mapping[str, int] = field(default_factory=_none)
    rates: Mapping[str, tuple[int | None, int | None]] = field(default_factory=_none)
    prices: Mapping[str, tuple[float, float]] = field(default_factory=_none)
    lanes: Mapping[str, str] = field(default_factory=_none)
    timeout: float = 600.0
    retries: int = 3
    source: Path | None = None

    @classmethod
    def load(cls, start: Path | None = None) -> Settings:
        """The settings in force from the folder `start` (default: the working directory)."""
        return load_settings(start)

    def folder(self) -> Path:
        """The folder for the store and for weights; not made here."""
        if self.home:
            return Path(self.home).expanduser()
        import platformdirs

        return Path(platformdirs.user_data_dir("rebut", appauthor=False))

    def store_location(self) -> str:
        """A path or URL for the store, or ``none``."""
        return self.store or str(self.folder() / "rebut.db")

    def model_for(self, role: str) -> str:
        """The model of a role."""
        return self.models.get(role, self.model)


def load_settings(start: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings that hold in a folder.

    Args:
        start: where to look for `rebut.toml`, then upward, then in the user's config folder; None for the
            working folder.
        environ: None for the process's environment.

    Raises:
        SettingsError: an unknown key or a value that does not fit, with the file or variable.
    """
    environ = os.environ if environ is None else environ
    path = find_settings(start or Path.cwd(), environ)
    values = _from_file(path) if path else {}
    values.update(_from_environment(environ))
    return Settings(**values, source=path)


def find_settings(start: Path, environ: Mapping[str, str]) -> Path | None:
    """`$REBUT_SETTINGS`, or the nearest `rebut.toml` at or above `start`, or the user's own, or None."""
    if named := environ.get("REBUT_SETTINGS"):
        if not Path(named).is_file():
            raise SettingsError(f"REBUT_SETTINGS names no file: {named!r}")
        return Path(named)
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    own = _config_folder(environ) / FILE
    return own if own.is_file() else None


def _config_folder(environ: Mapping[str, str]) -> Path:
    if base := environ.get("XDG_CONFIG_HOME"):
        return Path(base) / "rebut"
    import platformdirs

    return Path(platformdirs.user_config_dir("rebut", appauthor=False))


def _from_file(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    known = [f.name for f in fields(Settings) if f.name != "source"]
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in known:
            raise SettingsError(f"unknown setting {key!r} in {path}{_hint(key, known)}")
        values[key] = _read(key, value, f"{path}: {key}")
    if "roles" in values:
        values["roles"] = tuple(str(path.parent / Path(r).expanduser()) for r in values["roles"])
    return values


def _hint(key: str, known: list[str]) -> str:
    if "key" in key.lower() or "token" in key.lower() or "secret" in key.lower():
        return " (keys are read from the environment only, such as OPENAI_API_KEY)"
    return suggest(key, known)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in ("model", "store", "home"):
        if text := environ.get(f"REBUT_{name.upper()}"):
            values[name] = text
    if text := environ.get("REBUT_ROLES"):
        values["roles"] = tuple(part for part in text.split(os.pathsep) if part)
    for name in ("timeout", "retries"):
        if text := environ.get(f"REBUT_{name.upper()}"):
            values[name] = _read(name, _number(text, f"REBUT_{name.upper()}"), f"REBUT_{name.upper()}")
    if text := environ.get("REBUT_CONCURRENCY"):
        limit = _number(text, "REBUT_CONCURRENCY")
        values["concurrency"] = _read("concurrency", limit, "REBUT_CONCURRENCY")
    return values


def _number(text: str, where: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            raise SettingsError(f"not a number: {text!r} in {where}") from None


def _read(key: str, value: Any, where: str) -> Any:
    """The value of one setting, checked."""
    return _READERS[key](value, where)


def _wrong(value: Any, where: str, wanted: str) -> SettingsError:
    return SettingsError(f"{where} must be {wanted}, not {value!r}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(value, where, "a text")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value, where),)
    if not isinstance(value, list):
        raise _wrong(value, where, "a text or a list of texts")
    return tuple(_text(item, where) for item in value)


def _seconds(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise _wrong(value, where, "a number of seconds above 0")
    return float(value)


def _count(value: Any, where: str, low: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise _wrong(value, where, f"a whole number from {low}")
    return value


def _at_most(value: Any, where: str) -> Mapping[str, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        return MappingProxyType({"*": _count(value, where, 1)})
    return _map(lambda v, w: _count(v, w, 1), "a whole number, or a table of model = number")(value, where)


def _rate(value: Any, where: str) -> tuple[int | None, int | None]:
    if not isinstance(value, dict) or not value or not set(value) <= {"requests", "tokens"}:
        raise _wrong(value, where, "limits a minute, such as {requests = 500, tokens = 200000}")
    requests, tokens = (
        None if name not in value else _count(value[name], f"{where}.{name}", 1)
        for name in ("requests", "tokens")
    )
    return requests, tokens


def _price(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _wrong(value, where, "two prices in US dollars: [a prompt token, a completion token]")
    for part in value:
        if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part < 1:
            raise _wrong(part, where, "a price per token in US dollars (0 to 1)")
    return (float(value[0]), float(value[1]))


def _lane(value: Any, where: str) -> str:
    if value not in ("translator", "acompletion"):
        raise _wrong(value, where, "'translator' or 'acompletion'")
    return str(value)


def _map(item: Callable[[Any, str], Any], wanted: str) -> Callable[[Any, str], Mapping[str, Any]]:
    def read(value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, where, wanted)
        return MappingProxyType({key: item(part, f"{where}.{key}") for key, part in value.items()})

    return read


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "model": _text,
    "models": _map(_text, "a table of role = model"),
    "store": _text,
    "home": _text,
    "roles": _texts,
    "fallbacks": _map(_texts, "a table of model = [other, ...]"),
    "concurrency": _at_most,
    "rates": _map(_rate, "a table of model = {requests = N, tokens = N}"),
    "prices": _map(_price, "a table of model = [prompt, completion]"),
    "lanes": _map(_lane, "a table of provider = lane"),
    "timeout": _seconds,
    "retries": _count,
}
