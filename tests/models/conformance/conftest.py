"""One suite for all back ends: `subject` is each of them in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from . import subjects
from .subject import Subject

LITELLM = [
    pytest.mark.slow,
    # LiteLLM's own classes warn while they are defined.
    pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm"),
    # A call that is cancelled in its first moment leaves a coroutine of LiteLLM behind.
    pytest.mark.filterwarnings("ignore:coroutine .*BaseLLMHTTPHandler.* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def foreign(mark: pytest.MarkDecorator) -> list[pytest.MarkDecorator]:
    """What libraries warn of while they load is theirs; a start takes its time."""
    return [mark, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]


SUBJECTS = [
    pytest.param(subjects.scripted, id="scripted"),
    pytest.param(subjects.script_file, id="script-file"),
    pytest.param(subjects.local, id="local"),
    pytest.param(subjects.direct, id="hosted", marks=pytest.mark.slow),
    pytest.param(subjects.acompletion, id="hosted-acompletion", marks=LITELLM),
    pytest.param(subjects.mistral, id="hosted-mistral", marks=LITELLM),
    pytest.param(subjects.anthropic, id="hosted-anthropic", marks=LITELLM),
    pytest.param(subjects.vllm, id="vllm", marks=foreign(pytest.mark.vllm)),
    pytest.param(subjects.vllm_server, id="vllm-server", marks=foreign(pytest.mark.vllm)),
    pytest.param(subjects.transformers, id="transformers", marks=foreign(pytest.mark.torch)),
]


BRIEF = {
    "test_a_question_is_answered",
    "test_a_closed_back_end_answers_anew_or_says_that_it_is_closed",
    "test_a_model_that_nobody_serves_is_named",
    "test_a_prompt_that_is_too_long_is_refused_with_both_sizes",
    "test_a_schema_that_cannot_be_is_refused",
    "test_a_streamed_text_is_the_text",
    "test_cancelling_a_call_that_waits_or_was_only_just_made",
    "test_declaring_takes_no_time_and_loads_nothing",
    "test_only_what_was_added_comes_back",
    "test_the_text_ends_before_a_stop_string",
    "test_the_tokens_give_the_text_and_each_has_its_probability",
    "test_tokens_are_counted_as_the_engine_counts_them",
}
"""What the embedded engine shows in the fast suite too."""


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=SUBJECTS)
async def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Subject]:
    """A back end, kept for all its tests."""
    opening: Any = request.param
    if opening is subjects.vllm:
        request.getfixturevalue("lasting_engine")
    async with opening(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a subject run on one loop; those of the embedded engine are slow but for a few."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and "subject" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            name, _, case = item.name.partition("[")
            if case.startswith("local") and name not in BRIEF:
                item.add_marker(pytest.mark.slow)
