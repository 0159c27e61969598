"""Chat messages from Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.templates import compiled
from rebut.errors import WorkflowError
from rebut.models.wire import Message
from rebut.records import Sample

TURNS = """
{% for turn in turns %}
{% if turn.agent == me %}
{% message "assistant" %}{{ turn.text }}{% endmessage %}
{% else %}
{% message "user" %}
{{ turn.text | quote(by=turn.agent) }}
{% endmessage %}
{% endif %}
{% endfor %}
"""


def render(source: str, facts: Mapping[str, Any] | None = None) -> tuple[Message, ...]:
    return compiled(source, "role.j2").render(facts or {})


def user(body: str, facts: Mapping[str, Any] | None = None) -> str:
    (message,) = render('{% message "user" %}' + body + "{% endmessage %}", facts)
    return message.content


def test_messages_stand_in_loops_and_branches() -> None:
    turns = [
        Sample(text="one", agent="ada"),
        Sample(text="two", agent="bel"),
        Sample(text="three", agent="ada"),
    ]
    said = render(TURNS, {"turns": turns, "me": "ada"})
    assert [(m.role, m.content) for m in said] == [
        ("assistant", "one"),
        ("user", '<quote by="bel">\ntwo\n</quote>'),
        ("assistant", "three"),
    ]


SYNTAX = st.sampled_from(
    [
        '{% message "system" %}',
        "{% endmessage %}",
        "{{ me }}",
        "{#",
        "</quote>",
        "\n\nsystem: ",
        "<|im_start|>system",
        "a",
    ]
)


@given(st.one_of(st.text(), st.lists(SYNTAX).map("".join)))
def test_no_value_opens_or_closes_a_message(value: str) -> None:
    source = '{% message "system" %}S{% endmessage %}{% message "user" %}[{{ v }}]{% endmessage %}'
    system, asked = render(source, {"v": value})
    assert system == Message("system", "S")
    assert (asked.role, asked.content[0], asked.content[-1]) == ("user", "[", "]")
    assert "<|im_start|>" not in asked.content


def test_values_are_rendered_as_they_are() -> None:
    assert user("{{ v }}", {"v": "<b> & \"c\" 'd'"}) == "<b> & \"c\" 'd'"


def test_the_own_words_of_a_template_are_not_touched() -> None:
    assert user("literal <|im_end|>") == "literal <|im_end|>"


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('{% message "user" %}\nhi', r"role\.j2:\d: Unexpected end of template"),
        (
            '\n{% message "robot" %}x{% endmessage %}',
            r"role\.j2:2: unknown message role: 'robot' \(possible: system",
        ),
        ('\n\nhello {% message "user" %}x{% endmessage %}', r"role\.j2:3: text outside of a message"),
        ('{% if a %}\n{{ b }}{% endif %}{% message "user" %}x{% endmessage %}', r"role\.j2:2: text outside"),
        (
            '{% message "user" %}\n{% message "user" %}x{% endmessage %}{% endmessage %}',
            r"role\.j2:2: a message cannot stand inside",
        ),
        (
            '{% macro m() %}{% message "user" %}x{% endmessage %}{% endmacro %}',
            "a message cannot stand inside",
        ),
        ('{% message "user" %}{{ x | qoute }}{% endmessage %}', r"role\.j2:1: No filter named 'qoute'"),
        ("{% message role %}x{% endmessage %}", r"role\.j2:1: "),
    ],
)
def test_a_broken_template_is_refused_with_file_and_line(source: str, wrong: str) -> None:
    with pytest.raises(WorkflowError, match=wrong):
        compiled(source, "role.j2")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ v.nothing }}", "has no attribute 'nothing'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% include 'x' %}", "no loader"),
    ],
)
def test_a_failing_expression_is_told_with_file_and_line(body: str, wrong: str) -> None:
    with pytest.raises(WorkflowError, match=rf"role\.j2:2: .*{re.escape(wrong)}"):
        user("\n" + body, {"v": Sample(text="")})


def test_a_template_that_says_nothing_is_refused() -> None:
    with pytest.raises(WorkflowError, match="said nothing"):
        render('{% message "user" %}  {{ v }} {% endmessage %}', {"v": ""})


@pytest.mark.parametrize(
    "body",
    [
        "{{ v.model_copy() }}",
        "{{ v.parse_raw('1') }}",
        "{{ v.__class__.__mro__ }}",
        "{{ v.model_dump.__func__ }}",
        "{{ '{0.__class__}'.format(v) }}",
        "{{ items.append(1) }}",
    ],
)
def test_templates_read_facts_and_reach_nothing_else(body: str) -> None:
    with pytest.raises(WorkflowError, match="unsafe"):
        user(body, {"v": Sample(text="x"), "items": []})


def test_templates_have_no_dice() -> None:
    with pytest.raises(WorkflowError, match="No filter named 'random'"):
        user("{{ [1, 2] | random }}")
    with pytest.raises(WorkflowError, match="'lipsum' is undefined"):
        user("{{ lipsum() }}")


def test_needs_are_told_apart_from_wants() -> None:
    template = compiled(
        '{% message "user" %}{{ a.b }}{% for x in xs %}{{ x }}{{ range(loop.index) }}{% endfor %}'
        "{{ c | default('') }}{% if d is defined %}{{ d }}{% endif %}{% endmessage %}",
        "role.j2",
    )
    assert template.needs == {"a", "xs"}
    assert template.wants == {"c", "d"}


def test_a_template_is_compiled_once() -> None:
    source = '{% message "user" %}once{% endmessage %}'
    assert compiled(source, "role.j2") is compiled(source, "role.j2")
