"""The back end of Hugging Face transformers, without torch: names, prompts, text, errors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.errors import ModelError, ModelRefused, ModelUnavailable, SettingsError
from rebut.models.registry import Registry
from rebut.models.transformers import TransformersBackend
from rebut.models.transformers.failures import failed, not_loaded
from rebut.models.transformers.options import Options, split
from rebut.models.transformers.prompt import tokens_of
from rebut.models.transformers.text import Text
from rebut.models.wire import Backend, Message, Probe, Request
from rebut.settings import Settings

ASKED = Request(model="transformers/owner/name", messages=(Message("user", "Hi."),))


class Bytes:
    """A tokenizer of bytes: every character outside ASCII takes several tokens."""

    chat_template: str | None = "yes"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": list(text.encode())}

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(ids).decode(errors="replace")

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        assert options == {"tokenize": False, "add_generation_prompt": True}
        if any(m["role"] == "system" for m in messages):
            raise RuntimeError("system role is not known")
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"


def written(text: Text, data: bytes) -> list[str]:
    """The pieces that are told while the bytes come in, until it stops."""
    pieces: list[str] = []
    for byte in data:
        pieces.append(text.add(byte))
        if text.stopped:
            break
    return [*pieces, text.finish()]


def test_it_is_one_of_the_back_ends_that_are_built_in() -> None:
    backend = Registry(Settings()).backend("transformers/owner/name")
    assert isinstance(backend, TransformersBackend) and isinstance(backend, Backend)


def test_a_model_string_names_a_place_and_how_to_run_it() -> None:
    name, options = split("transformers//some/folder?ctx=512&dtype=float16&device=cuda:1&batch=2", Options())
    assert (name, options) == ("/some/folder", Options(ctx=512, dtype="float16", device="cuda:1", batch=2))
    assert split("transformers/owner/name", Options(batch=3))[1].batch == 3


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("transformers/", "no model named"),
        ("transformers/a/b?divice=cpu", "unknown option 'divice'.*did you mean 'device'"),
        ("transformers/a/b?ctx=1", "ctx=1 .*256 to"),
        ("transformers/a/b?batch=", "batch= .*whole number"),
        ("transformers/a/b?dtype=int4", "dtype=int4 .*auto, float32, bfloat16, float16"),
        ("transformers/a/b?device=tpu", "device=tpu .*auto, cpu"),
    ],
)
def test_a_wrong_option_is_refused(model: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        TransformersBackend().capabilities(model)


def test_declaring_and_importing_brings_in_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from rebut.models.transformers import TransformersBackend as B; "
        "c = B().capabilities('transformers/a/b'); "
        "print(c.layers, {'torch', 'transformers', 'xgrammar', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "set()"]


@pytest.mark.parametrize("missing", ["torch", "transformers"])
async def test_without_the_libraries_it_says_what_installs_them(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModelUnavailable, match=r"uv pip install 'rebut\[transformers\]'"):
        await TransformersBackend().complete(ASKED)


@pytest.mark.parametrize(
    ("probe", "problem"),
    [
        (Probe(reward="outcome"), "no reward model"),
        (Probe(layers=True), "layers needs labels"),
    ],
)
async def test_a_probe_that_it_cannot_answer_is_refused_before_anything_is_loaded(
    probe: Probe, problem: str
) -> None:
    request = Request(model=ASKED.model, messages=ASKED.messages, probe=probe)
    with pytest.raises(ModelRefused, match=problem):
        await TransformersBackend().complete(request)


def test_the_prompt_is_what_the_template_says_and_then_what_the_reply_begins_with() -> None:
    messages = (Message("user", "Hi\ud800."), Message("assistant", "Well, "))
    ids = tokens_of(Bytes(), Request(model="m", messages=messages), ctx=100)
    assert bytes(ids) == b"<user>Hi?.<assistant>Well, "


def test_a_prompt_that_fills_the_context_is_refused_with_both_numbers() -> None:
    with pytest.raises(ModelRefused, match=r"prompt of 20 tokens .* context of 20 tokens; .*ctx="):
        tokens_of(Bytes(), ASKED, ctx=20)
    assert len(tokens_of(Bytes(), ASKED, ctx=21)) == 20


def test_messages_that_the_template_does_not_take_are_refused_in_its_words() -> None:
    messages = (Message("system", "Be brief."), *ASKED.messages)
    with pytest.raises(ModelRefused, match="does not take the messages: system role is not known"):
        tokens_of(Bytes(), Request(model="m", messages=messages), ctx=100)


def test_a_base_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bytes, "chat_template", None)
    with pytest.raises(ModelRefused, match="owner/name has no chat template: a base model"):
        tokens_of(Bytes(), ASKED, ctx=100)


@given(st.text(alphabet="aé🎉न ", max_size=12))
def test_the_pieces_are_whole_characters_and_make_up_the_text(said: str) -> None:
    text = Text(Bytes().decode, tuple("<é>".encode()))
    pieces = written(text, said.encode())
    assert "".join(pieces) == text.text == said
    assert text.kept == len(said.encode()) and not text.stopped
    assert "\ufffd" not in "".join(pieces)


def test_a_character_that_is_never_finished_shows_as_what_it_is() -> None:
    text = Text(Bytes().decode, ())
    assert "".join(written(text, "a🎉".encode()[:-1])) == text.text == "a\ufffd"


@given(st.text(alphabet="abc", max_size=14), st.lists(st.text("abc", max_size=4), max_size=3))
def test_nothing_is_shown_past_the_first_stop_string(said: str, stop: list[str]) -> None:
    text = Text(Bytes().decode, (), stop)
    pieces = written(text, said.encode())
    ends = [at for s in stop if s and (at := said.find(s)) >= 0]
    # Of several the one that is complete first counts, as the rest is never written.
    first = min((said.find(s) + len(s) for s in stop if s and s in said), default=len(said))
    assert "".join(pieces) == text.text
    assert text.stopped == bool(ends)
    assert said[:first].startswith(text.text) and not any(s in text.text for s in stop if s)
    assert text.kept == len(text.text)


def test_what_may_become_a_stop_string_is_held_back() -> None:
    text = Text(Bytes().decode, (), ("END",))
    assert [text.add(b) for b in b"aENaE"] == ["a", "", "", "ENa", ""]
    assert text.finish() == "E" and text.text == "aENaE"


class Unpleasant(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("bad", "kind", "problem"),
    [
        (
            RuntimeError("CUDA out of memory. Tried 2 GiB\nmore"),
            ModelUnavailable,
            "ran out of memory .*batch",
        ),
        (MemoryError(), ModelUnavailable, "ran out of memory .MemoryError.*dtype=bfloat16"),
        (Unpleasant("\n shapes differ\n"), ModelUnavailable, "failed: Unpleasant: shapes differ$"),
        (ModelRefused("so"), ModelRefused, "^so$"),
    ],
)
def test_what_goes_wrong_is_named(bad: Exception, kind: type[ModelError], problem: str) -> None:
    with pytest.raises(kind, match=problem):
        raise failed(bad, "transformers/a/b")


def test_what_keeps_a_model_from_being_loaded_is_named(tmp_path: Path) -> None:
    assert "does not fit" in str(not_loaded(MemoryError(), "m"))
    assert "needs a package (No module named 'gguf')" in str(
        not_loaded(ImportError("No module named 'gguf'"), "m")
    )
    assert "cannot load m: no such repository" in str(not_loaded(OSError("no such repository\nhelp"), "m"))
