"""Scripted replies, from Python and from files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import perf_counter

import pytest

from rebut.errors import InputError, ModelBusy, ModelError, ModelGarbled, ModelTimeout
from rebut.models.script import Line, Scripted, Unscripted
from rebut.models.scripted import ScriptedBackend, read_script
from rebut.models.wire import Backend, Capabilities, Completion, Message, Request, TokenLogprob


def ask(text: str = "hello", *, system: str = "", model: str = "scripted/x", **options: object) -> Request:
    head = (Message("system", system),) if system else ()
    return Request(model=model, messages=(*head, Message("user", text)), **options)  # type: ignore[arg-type]


async def said(backend: Backend, request: Request) -> list[str]:
    return [c.text for c in (await backend.complete(request)).completions]


def script(folder: Path, text: str) -> ScriptedBackend:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return ScriptedBackend(folder)


def to_file(text: str = "hello", **options: object) -> Request:
    return ask(text, model="scripted/s.yaml", **options)  # type: ignore[arg-type]


async def test_a_sequence_is_said_in_turn_and_once_too_often_is_an_error() -> None:
    model = Scripted(["one", "two"])
    assert isinstance(model, Backend)
    assert [await said(model, ask()), await said(model, ask())] == [["one"], ["two"]]
    with pytest.raises(Unscripted, match=r"asked once too often: all 2 .* last message was 'more\?'"):
        await model.complete(ask("more?"))
    assert len(model.seen) == 3


def test_asking_too_often_is_no_model_error_that_a_run_would_absorb() -> None:
    assert not issubclass(Unscripted, ModelError)


async def test_n_takes_n_replies() -> None:
    model = Scripted(["one", "two", "three"])
    assert await said(model, ask(n=2)) == ["one", "two"]
    assert await said(model, ask()) == ["three"]


async def test_a_mapping_keeps_one_count_for_each_rule() -> None:
    model = Scripted({"judge": "A", "": ["first", "second"]})
    assert await said(model, ask("x")) == ["first"]
    assert await said(model, ask("x", system="you are the judge")) == ["A"]
    assert await said(model, ask("x", system="you are the judge")) == ["A"]
    assert await said(model, ask("x")) == ["second"]


async def test_a_function_sees_the_request_and_may_return_a_whole_completion() -> None:
    def reply(request: Request) -> Completion:
        return Completion(text=request.messages[-1].content.upper(), finish="length")

    response = await Scripted(reply).complete(ask("loud"))
    assert response.completions == (Completion(text="LOUD", finish="length"),)


async def test_an_exception_in_the_script_is_raised_and_the_next_call_goes_on() -> None:
    model = Scripted([ModelBusy("later", retry_after=2), "now"])
    with pytest.raises(ModelBusy) as caught:
        await model.complete(ask())
    assert caught.value.retry_after == 2
    assert await said(model, ask()) == ["now"]


async def test_logprobs_come_only_when_asked_for_and_cut_to_the_alternatives() -> None:
    line = Line(text="7", logprobs=(("7", -0.1, {"7": -0.1, "8": -2.5}),))
    model = Scripted([line, line, line])
    asked = [(await model.complete(ask(logprobs=top))).completions[0].logprobs for top in (None, 0, 1)]
    assert asked == [None, (TokenLogprob("7", -0.1),), (TokenLogprob("7", -0.1, (("7", -0.1),)),)]


async def test_the_text_ends_before_a_stop_string() -> None:
    assert await said(Scripted(["one END two"]), ask(stop=(" END",))) == ["one"]


async def test_usage_is_counted_and_priced() -> None:
    usage = (await Scripted(["a b c", "d"], cost=(1.0, 10.0)).complete(ask("x y", n=2))).usage
    assert (usage.prompt, usage.completion, usage.calls, usage.requests, usage.usd) == (2, 4, 2, 1, 42.0)


async def test_a_price_that_is_not_known_stays_unknown() -> None:
    assert (await Scripted(["a"], cost=None).complete(ask())).usage.usd is None


async def test_the_sink_hears_the_words_as_they_come() -> None:
    heard: list[tuple[int, str]] = []
    await Scripted(["so it is", "no"]).complete(ask(n=2), lambda i, t: heard.append((i, t)))
    assert heard == [(0, "so "), (1, "no"), (0, "it "), (0, "is")]


async def test_a_delay_past_the_deadline_is_a_timeout_at_the_deadline() -> None:
    start = perf_counter()
    with pytest.raises(ModelTimeout, match=r"within 0\.01 s"):
        await Scripted([Line(text="late", delay=30)]).complete(ask(timeout=0.01))
    assert perf_counter() - start < 5


async def test_a_cancelled_call_ends_at_once() -> None:
    task = asyncio.create_task(Scripted(["late"], delay=30).complete(ask()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_replies_are_picked_in_the_order_of_the_calls_not_of_their_ends() -> None:
    model = Scripted([Line(text="slow", delay=0.02), "quick"])
    answers = await asyncio.gather(*(said(model, ask()) for _ in range(2)))
    assert answers == [["slow"], ["quick"]]


def test_one_text_is_refused_as_a_sequence() -> None:
    with pytest.raises(InputError, match="one text is not a sequence"):
        Scripted("abc")


def test_capabilities_can_be_set() -> None:
    assert Scripted([], can=Capabilities()).capabilities("any") == Capabilities()


async def test_the_first_rule_of_a_file_that_fits_speaks(tmp_path: Path) -> None:
    backend = script(
        tmp_path,
        """
        rules:
          - when: {system: judge, last: "(?i)who is right"}
            say: side A
          - when: affirmative
            say: [It is., All the same.]
            then: fail
          - say: 7
        """,
    )
    assert await said(backend, to_file("Who is right?", system="you are the judge")) == ["side A"]
    assert await said(backend, to_file("Who is right?", system="affirmative")) == ["It is."]
    assert await said(backend, to_file("anything")) == ["7"]
    assert await said(backend, to_file("affirmative")) == ["All the same."]
    with pytest.raises(Unscripted, match=r"s\.yaml: rule 2 was asked once too often"):
        await backend.complete(to_file("affirmative"))


async def test_the_last_line_of_a_rule_repeats(tmp_path: Path) -> None:
    backend = script(tmp_path, "[{say: [one, two]}]")
    assert [await said(backend, to_file()) for _ in range(3)] == [["one"], ["two"], ["two"]]


async def test_words_are_said_as_they_are_written(tmp_path: Path) -> None:
    backend = script(tmp_path, "[{say: [3.10, yes, null, 0x10]}]")
    assert await said(backend, to_file(n=4)) == ["3.10", "yes", "null", "0x10"]


async def test_a_file_scripts_failures(tmp_path: Path) -> None:
    backend = script(
        tmp_path,
        """
        - {when: cut, error: garbled}
        - say: [{error: busy, retry_after: 3}, {text: fine, finish: length}]
        """,
    )
    with pytest.raises(ModelBusy) as caught:
        await backend.complete(to_file())
    assert (caught.value.status, caught.value.retry_after) == (429, 3)
    assert (await backend.complete(to_file())).completions[0].finish == "length"
    for _ in range(2):
        with pytest.raises(ModelGarbled):
            await backend.complete(to_file("cut"))


async def test_a_rule_sets_logprobs_and_delay_for_its_lines(tmp_path: Path) -> None:
    backend = script(
        tmp_path, "[{say: [{text: 'yes', delay: 0}], delay: 30, logprobs: [[yes, -0.5, {no: -1}]]}]"
    )
    response = await backend.complete(to_file(logprobs=1))
    assert response.completions[0].logprobs == (TokenLogprob("yes", -0.5, (("no", -1.0),)),)


async def test_a_request_that_no_rule_fits_names_what_was_asked(tmp_path: Path) -> None:
    with pytest.raises(Unscripted, match=r"no rule of the script fits; the last message was 'hello'"):
        await script(tmp_path, "[{when: other, say: x}]").complete(to_file())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: []", "rules: .*at least 1"),
        ("[{when: '(', say: x}]", "rules.1.when.any: .*regular expression"),
        ("[{say: x, tone: kind}]", "rules.1.tone: .*not permitted"),
        ("[{say: x, error: busy}]", "rules.1: .*not both"),
        ("[{when: x}]", "nothing to `say`"),
        ("{rules: [{say: x}], capabilities: {fly: true}}", "unknown capability 'fly'"),
        ("[{say: 'x]", "not YAML"),
        ("just text", "file: "),
        ("", "file: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"s\.yaml: .*{problem}"):
        read_script(tmp_path / "s.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the script '.*none\.yaml'"):
        ScriptedBackend(tmp_path).capabilities("scripted/none.yaml")


def test_a_file_states_what_it_can(tmp_path: Path) -> None:
    can = script(tmp_path, "{rules: [{say: x}], capabilities: {schema: false, concurrency: 2}}").capabilities
    assert (can("scripted/s.yaml").schema, can("scripted/s.yaml").concurrency) == (False, 2)
