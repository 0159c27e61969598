"""Settings: file under environment, and errors that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rebut.errors import SettingsError
from rebut.settings import Settings, load_settings


def load(folder: Path, text: str | None = None, **environ: str) -> Settings:
    if text is not None:
        (folder / "rebut.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, {"XDG_CONFIG_HOME": str(folder / "config"), **environ})


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()
    assert Settings().model == "local/default"


def test_the_nearest_file_above_is_read(tmp_path: Path) -> None:
    load(tmp_path, 'model = "ollama/qwen3"')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    settings = load(inner)
    assert (settings.model, settings.source) == ("ollama/qwen3", tmp_path / "rebut.toml")


def test_the_users_own_file_is_the_last_resort(tmp_path: Path) -> None:
    own = tmp_path / "config" / "rebut"
    own.mkdir(parents=True)
    (own / "rebut.toml").write_text("retries = 0")
    assert load(tmp_path).retries == 0


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'model = "a/b"\nstore = "runs.db"\ntimeout = 5',
        REBUT_MODEL="c/d",
        REBUT_STORE="none",
        REBUT_HOME="/somewhere",
        REBUT_ROLES="/x:/y",
        REBUT_TIMEOUT="2.5",
        REBUT_CONCURRENCY="3",
    )
    assert (settings.model, settings.store, settings.timeout) == ("c/d", "none", 2.5)
    assert (settings.roles, settings.concurrency) == (("/x", "/y"), {"*": 3})
    assert settings.store_location() == "none"
    assert settings.folder() == Path("/somewhere")


def test_every_setting_can_stand_in_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        model = "openai/gpt-5-mini"
        roles = ["roles"]
        retries = 1
        timeout = 30
        concurrency = {"openai/gpt-5-mini" = 8}
        [models]
        judge = "anthropic/claude-sonnet-4-5"
        [fallbacks]
        "openai/gpt-5-mini" = ["ollama/qwen3"]
        [rates]
        "openai/x" = {requests = 500, tokens = 200000}
        "*" = {requests = 10}
        [prices]
        "openai/x" = [1e-6, 2e-6]
        [lanes]
        openai = "acompletion"
        """,
    )
    assert settings.model_for("judge") == "anthropic/claude-sonnet-4-5"
    assert settings.model_for("solver") == "openai/gpt-5-mini"
    assert settings.roles == (str(tmp_path / "roles"),)
    assert settings.fallbacks == {"openai/gpt-5-mini": ("ollama/qwen3",)}
    assert settings.rates == {"openai/x": (500, 200000), "*": (10, None)}
    assert settings.prices == {"openai/x": (1e-6, 2e-6)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = 'x'", "unknown setting 'modle' in .*rebut.toml .did you mean 'model'"),
        ("api_key = 'sk-123456'", "keys are read from the environment only"),
        ("timeout = 0", "timeout must be a number of seconds above 0, not 0"),
        ("timeout = true", "timeout must be"),
        ("retries = 1.5", "retries must be a whole number"),
        ("concurrency = {x = 0}", "concurrency.x must be a whole number from 1"),
        ("rates = {x = 5}", "rates.x must be limits a minute, such as"),
        ("rates = {x = {}}", "rates.x must be limits a minute"),
        ("rates = {x = {request = 5}}", "rates.x must be limits a minute"),
        ("rates = {x = {tokens = 0}}", "rates.x.tokens must be a whole number from 1"),
        ("prices = {x = [1]}", "prices.x must be two prices"),
        ("prices = {x = [-1, 0]}", "price per token"),
        ("lanes = {openai = 'fast'}", "'translator' or 'acompletion'"),
        ("models = 'x'", "models must be a table"),
        ("model = ''", "model must be a text"),
        ("model = ", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(tmp_path, text)


def test_a_wrong_variable_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a number: 'soon' in REBUT_TIMEOUT"):
        load(tmp_path, REBUT_TIMEOUT="soon")
    with pytest.raises(SettingsError, match="REBUT_SETTINGS names no file"):
        load(tmp_path, REBUT_SETTINGS=str(tmp_path / "none.toml"))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rebut.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(tmp_path)
