"""The head of a role file."""

from __future__ import annotations

import pytest

from rebut.agents.forms import form_of
from rebut.agents.frontmatter import FrontMatter, parse
from rebut.errors import WorkflowError


def head(*lines: str) -> FrontMatter:
    return parse("\n".join(["---", *lines, "---", "body"]), "role.j2")[0]


def test_a_head_says_how_its_mode_is_asked() -> None:
    read = head(
        "about: Grades.", "returns: score", "temperature: 0", "top_p: 0.9", "max_tokens: 9", "stop: [a, b]"
    )
    assert read == FrontMatter(
        about="Grades.", returns="score", temperature=0.0, top_p=0.9, max_tokens=9, stop=("a", "b")
    )


def test_what_is_left_out_is_left_open() -> None:
    assert head("about: x") == FrontMatter(about="x", returns="text", answer="optional", temperature=None)


def test_a_mapping_describes_a_reply_of_the_role_s_own() -> None:
    read = head("about: x", "returns:", "  reason: text", "  best: whole 1..answers")
    assert read.returns == form_of({"reason": "text", "best": "whole 1..answers"})


def test_a_field_that_cannot_be_read_is_refused_with_its_name() -> None:
    with pytest.raises(WorkflowError, match=r"role.j2:3: .*'best' is 'integer'"):
        head("about: x", "returns: {best: integer}")


def test_one_stop_string_needs_no_list() -> None:
    assert head("about: x", 'stop: "END"').stop == ("END",)


def test_the_body_keeps_its_line_numbers() -> None:
    _, body = parse("---\nabout: x\n---\nfour\nfive", "role.j2")
    assert body.split("\n")[3:] == ["four", "five"]


def test_windows_line_ends_and_a_byte_order_mark_are_read() -> None:
    read, body = parse("\ufeff---\r\nabout: x\r\n---\r\nbody\r\n", "role.j2")
    assert (read.about, body.strip()) == ("x", "body")


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (
            ["about: x", "tmperature: 1"],
            r"role\.j2:3: unknown key: 'tmperature' \(did you mean 'temperature'\?\)",
        ),
        (["returns: text"], r"role\.j2:1: 'about' is missing"),
        (["about: x", "returns: essay"], r"role\.j2:3: returns: input should be 'text', 'verdict'"),
        (["about: x", "temperature: hot"], r"role\.j2:3: temperature: input should be a valid number"),
        (["about: x", "temperature: true"], r"role\.j2:3: temperature: "),
        (["about: x", "temperature: -1"], r"role\.j2:3: temperature: .* greater than or equal to 0"),
        (["about: x", "max_tokens: '9'"], r"role\.j2:3: max_tokens: "),
        (["about: x", "top_p: 0"], r"role\.j2:3: top_p: "),
        (["about: x", "about: y"], r"role\.j2:3: 'about' is given twice"),
        (["about: [x"], r"role\.j2:\d: "),
        (["about: !!python/object:os.system x"], r"role\.j2:2: "),
        (["- about"], r"role\.j2:2: front matter is a mapping"),
    ],
)
def test_a_wrong_head_is_refused_with_file_and_line(lines: list[str], wrong: str) -> None:
    with pytest.raises(WorkflowError, match=wrong):
        head(*lines)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("", "starts with front matter"),
        ("hi", "starts with front matter"),
        ("---\nabout: x\n", "is not closed"),
    ],
)
def test_a_file_without_a_head_is_refused(source: str, wrong: str) -> None:
    with pytest.raises(WorkflowError, match=rf"role\.j2:1: .*{wrong}"):
        parse(source, "role.j2")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(WorkflowError) as caught:
        head("about: x", "temprature: 1", "max_tokens: 0")
    assert len(str(caught.value).splitlines()) == 2
