"""Chat messages from Jinja templates, with borders that no rendered value can move.

``{% message "user" %}...{% endmessage %}`` adds one message. The messages are gathered as objects while
the template runs; the text is never split, so a value stays inside the message it was rendered into.
This module imports Jinja, so it is itself imported only where a template is first used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from operator import is_
from pathlib import PurePath
from typing import Any, cast, get_args

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from rebut.errors import RebutError, WorkflowError, suggest

from ..models.wire import Message, Role
from .answers.surface import visible
from .chat import add
from .quoting import defused, quote
from .steps import annotated, graded, numbered, split_steps, tenths

_ROLES = get_args(Role)
# Not names that a template could write, so only the extension reaches the list of messages.
_MISSING = object()
_SAID, _SAY = "(said)", "(say)"


class MessageBlock(Extension):
    """The ``message`` tag: a filter block, so that its text is rendered apart and then handed to `_say`."""

    tags = {"message"}  # noqa: RUF012 - declared as an instance attribute by Jinja

    def parse(self, parser: Parser) -> nodes.Node:
        """One tag, its role a literal, and its body."""
        line = next(parser.stream).lineno
        role = parser.stream.expect("string").value
        if role not in _ROLES:
            parser.fail(f"unknown message role: {role!r}{suggest(role, _ROLES)}", line)
        body = parser.parse_statements(("name:endmessage",), drop_needle=True)
        say = nodes.Filter(None, _SAY, [nodes.Const(role)], [], None, None)
        return nodes.FilterBlock(body, say).set_lineno(line)


@pass_context
def _say(context: Context, content: str, role: Role) -> str:
    """Add the message that the block's body rendered to."""
    add(cast(list[Message], context[_SAID]), role, content.strip())
    return ""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which lets templates read facts and change none.

    Of a pydantic model only fields and properties are open: among its methods are readers of files.
    """

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read `obj.attr`."""
        if isinstance(obj, BaseModel):
            kind = type(obj)
            return attr in kind.model_fields or isinstance(getattr(kind, attr, None), property)
        if type(obj) is LoopContext and attr[:1] != "_":
            return True
        return super().is_safe_attribute(obj, attr, value)


class MessageTemplate:
    """A compiled template.

    Attributes:
        source: its text.
        needs: names that the template cannot do without.
        wants: names that it can (they are only used behind ``is defined`` or ``default``).
    """

    def __init__(self, source: str, file: str) -> None:
        env = _environment()
        self.source = source.lstrip("\n")
        self._file = file
        # what went wrong in a run is said alike by its replay, which knows no folders
        self._name = "/".join(PurePath(file).parts[-2:])
        try:
            tree = env.parse(source, filename=file)
            _check(tree)
            names = meta.find_undeclared_variables(tree) - env.globals.keys()
            code = env.compile(tree, filename=file)
        except TemplateSyntaxError as error:
            raise WorkflowError(f"{file}:{error.lineno}: {error.message}") from error
        self.wants = frozenset(names & set(_optional(tree)))
        self.needs = frozenset(names - self.wants)
        self._names = tuple(sorted(names))
        self._last: tuple[tuple[Any, ...], tuple[Message, ...]] | None = None
        self._template = Template.from_code(env, code, env.make_globals(None))

    def render(self, facts: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages. The same facts again (the same objects, as for each sample of a fan-out) are not
        rendered again.

        Raises:
            WorkflowError: with ``role/mode.j2`` and line (`error.file` is the whole path): a name is missing,
                an operation failed, or nothing was said.
        """
        given = tuple([facts.get(name, _MISSING) for name in self._names])
        if self._last is not None and all(map(is_, given, self._last[0])):
            return self._last[1]
        messages = self._render({name: facts[name] for name in self._names if name in facts})
        self._last = (given, messages)
        return messages

    def _render(self, facts: dict[str, Any]) -> tuple[Message, ...]:
        said: list[Message] = []
        facts[_SAID] = said
        context = self._template.new_context(facts)
        try:
            for _ in self._template.root_render_func(context):
                pass
        except RebutError:
            raise
        except Exception as error:  # whatever the author's expressions raise is theirs to read
            raise self._wrong(f":{self._line(error)}: {error}") from error
        if not said:
            raise self._wrong(": the template said nothing (it has no message with text)")
        return tuple(said)

    def _wrong(self, what: str) -> WorkflowError:
        error = WorkflowError(self._name + what)
        error.file = self._file
        return error

    def _line(self, error: BaseException) -> int:
        """The template's line in which the error arose."""
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


@lru_cache(maxsize=512)
def compiled(source: str, file: str) -> MessageTemplate:
    """The template of a source text, compiled once a process.

    Raises:
        WorkflowError: the template is broken; the message says where.
    """
    return MessageTemplate(source, file)


@cache
def _environment() -> Sandbox:
    env = Sandbox(
        extensions=[MessageBlock],
        undefined=StrictUndefined,
        finalize=defused,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = env.filters
    filters.update(
        {
            _SAY: _say,
            "quote": quote,
            "steps": split_steps,
            "annotated": annotated,
            "graded": graded,
            "numbered": numbered,
            "tenths": tenths,
            "visible": visible,
        }
    )
    # A prompt must come out the same in a replay.
    del env.filters["random"], env.globals["lipsum"]
    return env


def _is_message(node: nodes.Node) -> bool:
    return isinstance(node, nodes.FilterBlock) and node.filter.name == _SAY


def _check(tree: nodes.Template) -> None:
    """Refuse text outside of messages, and messages inside of messages, macros and the like."""
    for node in _outside(tree):
        for shown in node.nodes if isinstance(node, nodes.Output) else ():
            if (line := _shown_at(shown)) is not None:
                raise TemplateSyntaxError("text outside of a message", line)
    for holder in tree.find_all((nodes.CallBlock, nodes.Macro, nodes.AssignBlock, nodes.FilterBlock)):
        for inner in holder.find_all(nodes.FilterBlock):
            if _is_message(inner):
                raise TemplateSyntaxError("a message cannot stand inside of another block", inner.lineno)


def _outside(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        if not (_is_message(child) or isinstance(child, nodes.Macro | nodes.AssignBlock)):
            yield child
            yield from _outside(child)


def _shown_at(node: nodes.Expr) -> int | None:
    """The line on which a part of an output shows something; None when it is blank."""
    if not isinstance(node, nodes.TemplateData):
        return node.lineno
    text = node.data.lstrip()
    return node.lineno + node.data[: -len(text)].count("\n") if text else None


def _optional(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Test, nodes.Filter)):
        if node.name in ("defined", "undefined", "default", "d") and isinstance(node.node, nodes.Name):
            yield node.node.name
