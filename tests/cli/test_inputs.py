"""What the user typed becomes values, or an error that says what to type."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from rebut.cli.inputs import inputs_of, models_of, pairs_of, params_of, question_of, read_file, reply_of
from rebut.errors import InputError
from rebut.graphs.expressions import Expression
from rebut.graphs.spec import WorkflowSpec


@pytest.fixture
def spec() -> WorkflowSpec:
    any_answer: Any = object.__new__(Expression)
    return WorkflowSpec(name="w", inputs=("question", "code"), answer=any_answer)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def pipe(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_the_question_is_the_argument_and_a_pipe_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(b"other", monkeypatch)
    assert question_of("2 + 2?", None, wanted=True) == "2 + 2?"
    assert sys.stdin.read() == "other"


@pytest.mark.parametrize(("argument", "file"), [(None, None), ("-", None), (None, "-")])
def test_the_question_may_be_piped_in(
    argument: str | None, file: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe("wie groß?\n".encode(), monkeypatch)
    assert question_of(argument, file, wanted=True) == "wie groß?"


def test_the_question_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(b"\xef\xbb\xbfline 1\nline 2\n\n")
    assert question_of(None, str(tmp_path / "q"), wanted=True) == "line 1\nline 2"


@pytest.mark.parametrize("piped", [True, False])
def test_line_ends_of_other_systems_become_those_of_this_one(
    piped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"line 1\r\nline 2\rline 3\r\n\r\n"
    (tmp_path / "q").write_bytes(text)
    pipe(text, monkeypatch)
    file = None if piped else str(tmp_path / "q")
    assert question_of(None, file, wanted=True) == "line 1\nline 2\nline 3"
    assert reply_of(None, str(tmp_path / "q")) == "line 1\nline 2\nline 3"


def test_two_questions_are_refused() -> None:
    with pytest.raises(InputError, match="two questions"):
        question_of("a", "b", wanted=True)


@pytest.mark.parametrize("text", [b"", b"  \n"])
def test_an_empty_question_is_refused(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(text, monkeypatch)
    with pytest.raises(InputError, match="question is empty"):
        question_of(None, None, wanted=True)


def test_at_a_terminal_no_question_is_an_error_and_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("typed later"))
    with pytest.raises(InputError, match="no question: give it as an argument"):
        question_of(None, None, wanted=True)


def test_a_workflow_without_a_question_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(b"other", monkeypatch)
    assert question_of(None, None, wanted=False) is None


def test_arguments_that_are_no_text_are_refused(spec: WorkflowSpec) -> None:
    with pytest.raises(InputError, match=r"the question is not UTF-8 text \(character 2\)"):
        question_of("gr\udcf6\udcdfe", None, wanted=True)
    with pytest.raises(InputError, match="input 'code' is not UTF-8"):
        inputs_of(["code=\udcff"], spec)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"gr\xf6\xdfe")
    with pytest.raises(InputError, match=r"latin is not UTF-8 text \(byte 2\)"):
        read_file(str(tmp_path / "latin"))
    with pytest.raises(InputError, match="no such file"):
        read_file(str(tmp_path / "none"))
    with pytest.raises(InputError, match="is a directory"):
        read_file(str(tmp_path))


def test_pairs_keep_what_is_behind_the_first_equals_sign() -> None:
    assert pairs_of("-p", ["a=1=2", " b =", "c-d=x"]) == {"a": "1=2", "b": "", "c-d": "x"}


@pytest.mark.parametrize("text", ["a", "=1", "1a=2", "a b=1", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="-p wants name=value"):
        pairs_of("-p", [text])


def test_a_pair_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="-p a is given twice"):
        pairs_of("-p", ["a=1", "a=2"])


def test_an_input_may_be_read_from_a_file(tmp_path: Path, spec: WorkflowSpec) -> None:
    (tmp_path / "x.py").write_text("print()")
    assert inputs_of([f"code=@{tmp_path / 'x.py'}"], spec) == {"code": "print()"}
    with pytest.raises(InputError, match=r"no input 'cod' \(did you mean 'code'\?\)"):
        inputs_of(["cod=1"], spec)


def test_parameters_are_texts_until_the_workflow_reads_them() -> None:
    assert params_of(["rounds=2", "ways=[b, 2]"]) == {"rounds": "2", "ways": "[b, 2]"}


def test_a_reply_is_typed_or_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "reply.txt").write_text("\nANSWER: 9\n")
    assert reply_of(None, str(tmp_path / "reply.txt")) == reply_of("ANSWER: 9", None) == "ANSWER: 9"
    assert reply_of(None, None) is None
    with pytest.raises(InputError, match="cannot read"):
        reply_of(None, str(tmp_path / "none.txt"))


def test_models_for_all_and_for_one() -> None:
    assert models_of(["a/b", "judge=c/d:e=f"]) == {"*": "a/b", "judge": "c/d:e=f"}
    assert models_of(["vllm/x?dtype=half"]) == {"*": "vllm/x?dtype=half"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", "b"], "everyone two models"),
        (["j=a", "j=b"], "j two models"),
        (["j="], "names no model"),
        ([" "], "names no model"),
    ],
)
def test_models_that_cannot_be_meant_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        models_of(texts)


def test_an_input_from_a_picture_file_becomes_a_data_url(spec: WorkflowSpec, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert inputs_of([f"code=@{tmp_path / 'a.png'}"], spec) == {"code": "data:image/png;base64,iVBORw0KGgo="}
    with pytest.raises(InputError, match=r"picture cannot be read: .*gone\.jpg"):
        inputs_of([f"code=@{tmp_path / 'gone.jpg'}"], spec)
