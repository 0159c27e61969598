"""Chat messages from Jinja templates, with borders that no rendered value can move.

``{% message "user" %}...{% endmessage %}`` adds one message. The messages are gathered as objects while
the template runs; the text is never split, so a value stays inside the message it was rendered into.
This module imports Jinja, so it is itself imported only where a template is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, cast, get_args

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rebut.errors import RebutError, WorkflowError, suggest

from ..models.wire import Message, Role
from .chat import add
from .quoting import defused, quote
from .steps import annotated, numbered, split_steps, tenths

_ROLES = get_args(Role)
# Not a name that a template could write, so only the extension reaches the list.
_SAID = "(said)"


class MessageBlock(Extension):
    """The ``message`` tag."""

    tags = {"message"}  # noqa: RUF012 - declared as an instance attribute by Jinja

    def parse(self, parser: Parser) -> nodes.Node:
        """One tag, its role a literal, and its body."""
        line = next(parser.stream).lineno
        role = parser.stream.expect("string").value
        if role not in _ROLES:
            parser.fail(f"unknown message role: {role!r}{suggest(role, _ROLES)}", line)
        body = parser.parse_statements(("name:endmessage",), drop_needle=True)
        say = self.call_method("say", [nodes.ContextReference(), nodes.Const(role)])
        return nodes.CallBlock(say, [], [], body).set_lineno(line)

    def say(self, context: Context, role: Role, caller: Callable[[], str]) -> str:
        """Add the message that the block's body renders to."""
        said = cast(list[Message], context[_SAID])
        add(said, role, caller().strip())
        return ""


class MessageTemplate:
    """A compiled template.

    Attributes:
        needs: names that the template cannot do without.
        wants: names that it can (they are only used behind ``is defined`` or ``default``).
    """

    def __init__(self, source: str, file: str) -> None:
        env = _environment()
        self._file = file
        try:
            tree = env.parse(source, filename=file)
            _check(tree)
            names = meta.find_undeclared_variables(tree) - env.globals.keys()
            code = env.compile(tree, filename=file)
        except TemplateSyntaxError as error:
            raise WorkflowError(f"{file}:{error.lineno}: {error.message}") from error
        self.wants = frozenset(names & set(_optional(tree)))
        self.needs = frozenset(names - self.wants)
        self._template = Template.from_code(env, code, env.make_globals(None))

    def render(self, facts: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages.

        Raises:
            WorkflowError: with file and line: a name is missing, an operation failed, or nothing was said.
        """
        said: list[Message] = []
        context = self._template.new_context({**facts, _SAID: said})
        try:
            for _ in self._template.root_render_func(context):
                pass
        except RebutError:
            raise
        except Exception as error:  # whatever the author's expressions raise is theirs to read
            raise WorkflowError(f"{self._file}:{self._line(error)}: {error}") from error
        if not said:
            raise WorkflowError(f"{self._file}: the template said nothing (it has no message with text)")
        return tuple(said)

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
def _environment() -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(
        extensions=[MessageBlock],
        undefined=StrictUndefined,
        finalize=defused,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "quote": quote,
        "steps": split_steps,
        "annotated": annotated,
        "numbered": numbered,
        "tenths": tenths,
    }
    # A prompt must come out the same in a replay.
    del env.filters["random"], env.globals["lipsum"]
    return env


def _is_message(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.CallBlock):
        return False
    tag = node.call.node
    return isinstance(tag, nodes.ExtensionAttribute) and tag.identifier == MessageBlock.identifier


def _check(tree: nodes.Template) -> None:
    """Refuse text outside of messages, and messages inside of messages, macros and the like."""
    for node in _outside(tree):
        if isinstance(node, nodes.Output) and any(map(_shows, node.nodes)):
            raise TemplateSyntaxError("text outside of a message", node.lineno)
    for holder in tree.find_all((nodes.CallBlock, nodes.Macro, nodes.AssignBlock, nodes.FilterBlock)):
        for inner in holder.find_all(nodes.CallBlock):
            if _is_message(inner):
                raise TemplateSyntaxError("a message cannot stand inside of another block", inner.lineno)


def _outside(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        if not (_is_message(child) or isinstance(child, nodes.Macro | nodes.AssignBlock)):
            yield child
            yield from _outside(child)


def _shows(node: nodes.Expr) -> bool:
    return not isinstance(node, nodes.TemplateData) or bool(node.data.strip())


def _optional(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Test, nodes.Filter)):
        if node.name in ("defined", "undefined", "default", "d") and isinstance(node.node, nodes.Name):
            yield node.node.name
