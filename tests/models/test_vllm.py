"""The vLLM back ends without vLLM: options, arguments, errors, what is read and written on the way."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from multiprocessing import spawn
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rebut.errors import ModelBusy, ModelGarbled, ModelRefused, ModelUnavailable, SettingsError
from rebut.models.registry import Registry
from rebut.models.vllm import VllmBackend, failures
from rebut.models.vllm.arguments import adapter_rank, engine_arguments, folder_or_id, reward_kind
from rebut.models.vllm.certain import Writing
from rebut.models.vllm.condensed import CERTAINTY
from rebut.models.vllm.hearing import Hearing
from rebut.models.vllm.labels import followers
from rebut.models.vllm.naps import Naps
from rebut.models.vllm.options import Options, split
from rebut.models.vllm.prompts import Decoder, prompt_of, tokens_of
from rebut.models.vllm.quiet import environment, muted, nameless_main, surroundings
from rebut.models.vllm.reply import Reader
from rebut.models.vllm.rewards import at_places, marked, one_number
from rebut.models.vllm.sampling import parameters
from rebut.models.vllm.thread import LoopThread
from rebut.models.wire import Message, Request
from rebut.settings import Settings


def ask(**options: Any) -> Request:
    return Request(model="vllm/m", messages=(Message("user", "Hi"),), **options)


def test_options_are_read_from_the_model_string() -> None:
    name, options = split(
        "vllm/org/name?ctx=2048&memory=0.5&tensor=2&data=2&dtype=half&quantization=fp8&reasoning=qwen3&eager=1"
    )
    assert name == "org/name"
    assert options == Options(
        ctx=2048,
        memory=0.5,
        tensor=2,
        data=2,
        dtype="half",
        quantization="fp8",
        reasoning="qwen3",
        eager=True,
    )


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("ctxx=5", r"did you mean 'ctx'"),
        ("ctx=many", r"ctx=many .* whole number, 16 to"),
        ("memory=7", r"memory=7 .* number, 0.01 to 1"),
        ("memory=nan", r"expected a number"),
        ("dtype=int3", r"possible: auto"),
        ("eager=perhaps", r"expected 1 or 0"),
        ("lora=", r"expected a text"),
        ("reward=steps", r"needs runner=pooling"),
        ("runner=pooling&lora=/x", r"lora has no meaning for a reward model"),
        ("port=80", r"unknown option 'port'"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(query: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        split(f"vllm/m?{query}")


def test_a_model_string_without_weights_is_refused() -> None:
    with pytest.raises(SettingsError, match="no weights named"):
        split("vllm/?ctx=100")


def test_strings_that_differ_in_adapter_and_reply_ask_for_one_engine() -> None:
    first = split("vllm/m?ctx=512&lora=/a")[1].of_engine()
    second = split("vllm/m?ctx=512&lora=/b&reply=5")[1].of_engine()
    assert first == second and first.adapters == 1
    assert split("vllm/m?ctx=512")[1].of_engine() != first


def test_an_engine_is_told_only_what_was_asked_for() -> None:
    assert engine_arguments("m", Options()) == {
        "model": "m",
        "seed": 0,
        "enable_prefix_caching": True,
        "max_logprobs": -1,
        "structured_outputs_config": {
            "backend": "guidance",
            "disable_any_whitespace": True,
            "disable_additional_properties": True,
        },
    }
    more = engine_arguments("m", split("vllm/m?kv=0.5&sleep=9&adapters=2&tensor=2")[1], rank=20)
    assert more["kv_cache_memory_bytes"] == 1 << 29 and more["enable_sleep_mode"] is True
    assert (more["enable_lora"], more["max_loras"], more["max_lora_rank"]) == (True, 2, 32)
    assert more["tensor_parallel_size"] == 2
    assert "max_logprobs" not in engine_arguments("m", split("vllm/m?runner=pooling")[1])
    assert engine_arguments("m", Options(), processor=True)["enable_chunked_prefill"] is False


def test_a_folder_must_hold_a_model(tmp_path: Path) -> None:
    assert folder_or_id("org/name") == "org/name"
    with pytest.raises(SettingsError, match="no such folder"):
        folder_or_id(str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"holds no config.json"):
        folder_or_id(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert folder_or_id(str(tmp_path)) == str(tmp_path)


def test_an_adapter_tells_its_rank(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no LoRA adapter"):
        adapter_rank(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text('{"r": 4}')
    assert adapter_rank(str(tmp_path)) == 4
    (tmp_path / "adapter_config.json").write_text('{"rank": 4}')
    with pytest.raises(SettingsError, match="not the configuration"):
        adapter_rank(str(tmp_path))


def test_what_a_reward_model_judges_is_read_from_its_architecture(tmp_path: Path) -> None:
    assert reward_kind("org/unknown") == "outcome"
    (tmp_path / "config.json").write_text('{"architectures": ["Qwen2ForProcessRewardModel"]}')
    assert reward_kind(str(tmp_path)) == "steps"
    can = VllmBackend().capabilities(f"vllm/{tmp_path}?runner=pooling")
    assert can.reward == "steps" and not (can.n or can.logprobs or can.certainty)
    assert VllmBackend().capabilities(f"vllm/{tmp_path}?runner=pooling&reward=outcome").reward == "outcome"


def test_the_registry_knows_the_back_end() -> None:
    backend = Registry(Settings()).backend("vllm/org/name")
    assert isinstance(backend, VllmBackend)
    assert backend.capabilities("vllm/org/name?seqs=7").concurrency == 7
    assert backend.price("vllm/org/name") == (0.0, 0.0)


def test_sampling_parameters_say_what_the_request_says() -> None:
    request = ask(n=3, temperature=0.7, top_p=0.9, stop=("a",), seed=-1, max_tokens=50, logprobs=0)
    chosen = parameters(request, {"temperature": 0.6, "top_k": 20}, most=40)
    assert chosen == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 20,
        "stop": ["a"],
        "seed": (1 << 62) - 1,
        "logprobs": 0,
        "max_tokens": 40,
        "n": 3,
    }


def test_without_temperature_one_completion_is_drawn_for_all() -> None:
    assert parameters(ask(n=4, temperature=0.0), {}, most=9)["n"] == 1
    assert parameters(ask(n=4), {}, most=9)["n"] == 4


def test_what_is_passed_through_must_be_known() -> None:
    request = ask(extra={"top_k": 5, "logit_bias": {"7": 1}, "idempotency_key": "x"})
    chosen = parameters(request, {}, most=9)
    assert (chosen["top_k"], chosen["logit_bias"]) == (5, {7: 1.0}) and "idempotency_key" not in chosen
    with pytest.raises(ModelRefused, match="did you mean 'min_tokens'"):
        parameters(ask(extra={"min_token": 1}), {}, most=9)


class Letters:
    """A tokenizer of letters, which puts a blank before the first one of a text."""

    chat_template = "x"

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [ord(c) for c in f" {text}"]

    def decode(self, ids: list[int], skip_special_tokens: bool = False) -> str:
        return "".join(map(chr, ids)).removeprefix(" ")

    def apply_chat_template(self, chat: list[dict[str, str]], **options: Any) -> list[int]:
        if chat[0]["role"] == "system":
            raise ValueError("no system role")
        end = "" if options["continue_final_message"] else "|"
        return [ord(c) for c in "|".join(m["content"] for m in chat) + end]


def test_a_last_assistant_message_is_left_open() -> None:
    said, begun = Message("user", "Hi"), Message("assistant", "Well")
    assert prompt_of(Letters(), [said, begun], "m") == [ord(c) for c in "Hi|Well"]
    assert prompt_of(Letters(), [said, Message("assistant", "")], "m") == [ord(c) for c in "Hi|"]


def test_a_template_that_does_not_take_the_messages_is_a_refusal() -> None:
    with pytest.raises(ModelRefused, match="no system role"):
        prompt_of(Letters(), [Message("system", "Hi")], "m")
    with pytest.raises(ModelRefused, match="without a message"):
        prompt_of(Letters(), [], "m")
    bare = Letters()
    bare.chat_template = ""
    with pytest.raises(ModelRefused, match="no chat template"):
        prompt_of(bare, [Message("system", "Hi")], "m")


def test_a_label_is_read_without_the_blank_of_a_text() -> None:
    assert tokens_of(Letters(), "ab") == (97, 98)
    assert Decoder(Letters(), [ord(" "), ord("x")]).text([32, 97]) == " a"


def test_labels_are_followed_along_their_paths() -> None:
    assert followers([(1, 2), (1, 3), (4,), (1, 2, 5)]) == {(): [1, 4], (1,): [2, 3], (1, 2): [5]}


def piece(index: int, text: str, ids: list[int], finish: str | None) -> Any:
    return SimpleNamespace(index=index, text=text, token_ids=ids, logprobs=None, finish_reason=finish)


def output(*pieces: Any, cached: int | None = None) -> Any:
    return SimpleNamespace(prompt_token_ids=[1, 2, 3], num_cached_tokens=cached, outputs=pieces)


def test_pieces_are_put_together_and_heard() -> None:
    heard: list[tuple[int, str]] = []
    reader = Reader(ask(n=2), 2, None, lambda i, t: heard.append((i, t)))
    reader.feed(output(piece(0, "a", [1], None), piece(1, "x", [2], "length"), cached=2))
    with pytest.raises(ModelGarbled):
        reader.completions()
    reader.feed(output(piece(0, "b", [3, 4], "stop"), cached=3))
    assert [(c.text, c.finish) for c in reader.completions()] == [("ab", "stop"), ("x", "length")]
    assert heard == [(0, "a"), (1, "x"), (0, "b")]
    usage = reader.usage()
    assert (usage.prompt, usage.cached, usage.completion, usage.calls) == (3, 2, 4, 2)


def row(token: int, certainty: float) -> dict[int, Any]:
    return {token: SimpleNamespace(logprob=-1.0), CERTAINTY: SimpleNamespace(logprob=certainty)}


def test_a_text_that_is_decoded_here_ends_before_a_stop_string() -> None:
    writing = Writing(Decoder(Letters(), []), ("END",), None)
    heard = [writing.add([ord(c)], [row(ord(c), 0.5)], None) for c in "fin E"]
    heard.append(writing.add([ord(c) for c in "NDxx"], [row(ord(c), 0.5) for c in "NDxx"], None))
    assert "".join(heard) == "fin " and writing.finish == "stop"
    completion = writing.completion("m")
    assert completion.text == "fin " and completion.inside is not None
    assert completion.inside.certainty == (0.5,) * 7


def test_a_judgement_is_one_number() -> None:
    assert one_number([0.25], "m") == 0.25
    assert one_number([1.0, 3.5], "m") == 2.5
    with pytest.raises(ModelRefused, match="3 outputs"):
        one_number([1.0, 2.0, 3.0], "m")


def test_steps_are_marked_and_their_rows_found() -> None:
    chat = marked([Message("user", "q"), Message("assistant", "a\nb")], ["a\n", "b"], "#")
    assert chat[-1].content == "a#b#"
    assert at_places([[1.0], [2.0], [3.0]], [0, 2], 3, "m") == [[1.0], [3.0]]
    assert at_places([1.0, 2.0], [4, 9], 11, "m") == [[1.0], [2.0]]
    with pytest.raises(ModelRefused, match="no process reward model"):
        at_places([[1.0]], [4, 9], 11, "m")


def dressed(name: str, *bases: type[Exception], text: str = "why") -> Exception:
    kind: type[Exception] = type(name, bases or (Exception,), {})
    return kind(text)


def test_errors_of_a_call_say_whose_fault_they_are() -> None:
    died = failures.of_call(dressed("EngineDeadError"), "vllm/m")
    assert isinstance(died, ModelUnavailable) and died.retryable and "next call starts a new one" in str(died)
    assert isinstance(failures.of_call(dressed("QueueOverflowError"), "m"), ModelBusy)
    assert isinstance(failures.of_call(dressed("VLLMValidationError", ValueError), "m"), ModelRefused)
    inner = dressed("EngineGenerateError")
    inner.__cause__ = RuntimeError("broken")
    failed = failures.of_call(inner, "m")
    assert isinstance(failed, ModelUnavailable) and failed.retryable and "RuntimeError: broken" in str(failed)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "ValueError: To serve at least one request, 0.75 GiB KV cache is needed, which is larger",
            "ctx=TOKENS",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "memory=SHARE"),
        ("ValueError: Free memory on device (1/80 GiB) on startup is less than desired", "memory=SHARE"),
        ("User-specified max_model_len (9) is greater than the derived max_model_len", "was trained for"),
        ("OSError: Can't load the configuration of 'nobody/nothing'", "no such model"),
        ("NotImplementedError: the flux is not aligned", "flux is not aligned"),
    ],
)
def test_a_failed_start_is_explained_from_the_log(tmp_path: Path, line: str, says: str) -> None:
    log = tmp_path / "engine.log"
    log.write_text(
        f"2026 INFO [vllm.x:1] fine\n2026 ERROR [vllm.v1.engine.core:9] {line}\nEngineDeadError: x\n"
    )
    said = "Engine core initialization failed. See root cause above."
    error = failures.not_started(RuntimeError(said), "vllm/m", log)
    assert says in str(error) and str(log) in str(error) and not error.retryable


def test_what_the_user_set_for_vllm_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    ours = surroundings(log, {})
    assert ours["VLLM_WORKER_MULTIPROC_METHOD"] == "spawn"
    config = json.loads(Path(ours["VLLM_LOGGING_CONFIG_PATH"]).read_text())
    assert config["handlers"]["file"]["filename"] == str(log)
    theirs = surroundings(log, {"VLLM_CONFIGURE_LOGGING": "0", "VLLM_WORKER_MULTIPROC_METHOD": "fork"})
    assert not {"VLLM_LOGGING_CONFIG_PATH", "VLLM_WORKER_MULTIPROC_METHOD"} & set(theirs)


def test_what_a_process_prints_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log, usual = tmp_path / "it's new" / "engine.log", spawn.get_executable()
    with muted(log), nameless_main():
        child = multiprocessing.get_context("spawn").Process(target=int, args=("no number",))
        child.start()
        child.join(60)
    assert child.exitcode == 1 and "ValueError: invalid literal" in log.read_text()
    assert capfd.readouterr() == ("", "")
    assert spawn.get_executable() == usual and list(log.parent.iterdir()) == [log]


def test_surroundings_end_with_the_start() -> None:
    main = sys.modules["__main__"]
    spec = main.__spec__
    with environment({"REBUT_TEST_X": "1"}), nameless_main():
        assert os.environ["REBUT_TEST_X"] == "1" and main.__spec__ is None
        assert not hasattr(main, "__file__")
    assert "REBUT_TEST_X" not in os.environ and main.__spec__ is spec


GUARDED = """
import multiprocessing, os, signal, sys, time
from rebut.models.vllm.guard import Guard, children
before = children()
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
child.start()
guard = Guard(before)
print(*guard.pids, flush=True)
if sys.argv[1] == "end":
    guard.end()
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["end", "kill"])
async def test_no_process_outlives_the_one_that_started_it(how: str) -> None:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-W", "ignore", "-c", GUARDED, how], capture_output=True, text=True
    )
    pid = int(done.stdout)
    for _ in range(400):
        if not _runs(pid):
            return
        await asyncio.sleep(0.025)
    pytest.fail(f"process {pid} is still there")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_cancelling_here_cancels_there() -> None:
    home, ended, begun = LoopThread("test"), threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(home.call(work()))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 5)
    await asyncio.to_thread(home.close)
    with pytest.raises(RuntimeError):
        await home.call(work())


async def test_nobody_hears_of_a_call_that_was_given_up() -> None:
    heard: list[str] = []
    hearing = Hearing(lambda i, t: heard.append(t))
    await asyncio.to_thread(hearing, 0, "a")
    await asyncio.sleep(0)
    await asyncio.to_thread(hearing, 0, "b")
    hearing.close()
    await asyncio.sleep(0.01)
    assert heard in (["a"], ["a", "b"]) and "a" in heard
    await asyncio.to_thread(hearing, 0, "c")
    await asyncio.sleep(0.01)
    assert "c" not in heard


class Sleeper:
    """What sleeps and wakes."""

    def __init__(self) -> None:
        self.did: list[str] = []

    async def sleep(self, level: int) -> None:
        self.did.append(f"sleep {level}")

    async def wake_up(self) -> None:
        self.did.append("wake")


async def test_an_engine_without_work_sleeps_until_it_has_some() -> None:
    llm = Sleeper()
    naps = Naps(llm, 0.02)
    async with naps:
        await asyncio.sleep(0.05)
        assert llm.did == []
    await asyncio.sleep(0.05)
    assert llm.did == ["sleep 1"]
    async with naps, naps:
        assert llm.did == ["sleep 1", "wake"]
    await asyncio.sleep(0.05)
    assert llm.did == ["sleep 1", "wake", "sleep 1"]


async def test_without_vllm_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebut.models.vllm.engine.find_spec", lambda name: None)
    backend = VllmBackend(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"uv pip install 'rebut\[vllm\]'"):
        await backend.complete(ask())
    await backend.close()
