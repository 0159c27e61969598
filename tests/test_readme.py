"""Every fenced block of the README and the docs is run, in order, in one folder per document.

A comment on the line before a block changes what is done with it:

    <!-- test: skip WHY -->       it is not run
    <!-- test: file NAME -->      it is written to this file, for the blocks after it
    <!-- test: exit CODE -->      its last command ends with this exit code
    <!-- test: output -->         its commands print what it shows below them (`...` stands for anything)
    <!-- test: real-model -->     it asks real models; in all other blocks a script speaks, offline
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Not docs/workflows: those pages are made from the files that they show (tests/cli/test_pages.py)."""
RUN = ("rebut", "python", "cat", "ls", "echo", "export", "cd", "mkdir")
LEFT_OUT = ("git", "pip", "uv", "curl", "docker", "npm", "pytest", "ruff", "mypy", "pyright", "bash")
SHOWN_ONLY = {"", "text", "mermaid", "json", "toml", "jinja", "jinja2", "diff", "sql", "http", "html"}
ORDERS = {"skip", "file", "exit", "output", "real-model"}

FENCE = re.compile(
    r"^(?:<!-- test: (?P<order>[a-z-]+) ?(?P<rest>[^\n]*?) -->\n\n?)?"
    r"^(?P<fence>```+)(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
UV_RUN = re.compile(r"^uv run +(?:--\S+ +\S+ +)*")
MODEL = re.compile(r"\b(?:local|vllm|openai|anthropic|gemini|mistral|groq|ollama|openrouter)/[\w.@:/-]+")

# What every role with a JSON reply is content with; keys that a role did not ask for are passed over.
ALL_KEYS = {
    "reason": "it holds", "side": "neither", "answer": "3.9", "text": "all is well", "accepted": True,
    "score": 8, "scores": [8], "answers": ["3.9"],
}  # fmt: skip
SCRIPT = {
    "rules": [
        {"when": {"last": "JSON object"}, "say": json.dumps(ALL_KEYS)},
        {"say": "Step 1: compare the tenths.\nAnswer: 3.9"},
    ]
}


@dataclass(frozen=True)
class Block:
    """A fenced block, where it begins, and what the comment before it orders."""

    where: str
    language: str
    body: str
    order: str = ""
    rest: str = ""


def blocks(text: str, name: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("fence")) + 1
        order, rest = found["order"] or "", (found["rest"] or "").strip()
        assert not order or order in ORDERS, f"{name}:{line}: unknown order {order!r}"
        assert order != "skip" or rest, f"{name}:{line}: a skip gives its reason"
        yield Block(f"{name}:{line}", found["language"], found["body"], order, rest)


class Reader:
    """Follows a document as a user would, in a folder of its own with a scripted model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = folder / "script.yaml"
        script.write_text(yaml.safe_dump(SCRIPT), "utf-8")
        self.scripted = f"scripted/{script}"
        own = {"HOME": str(folder), "REBUT_HOME": str(folder / "home")}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.env = {**os.environ, **own, "PATH": programs, "COLUMNS": "120", "NO_COLOR": "1"}

    def follow(self, block: Block) -> None:
        if block.order == "skip":
            return
        real = block.order == "real-model"
        body = block.body if real else MODEL.sub(lambda _: self.scripted, block.body)
        self.env.pop("REBUT_MODEL", None)
        self.env |= {} if real else {"REBUT_MODEL": self.scripted}
        if block.order == "file":
            path = self.folder / block.rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, "utf-8")
        if block.language in ("bash", "sh", "shell", "console"):
            self._shell(block, body)
        elif block.language in ("python", "py"):
            self._python(block, body)
        elif block.language in ("yaml", "yml"):
            self._workflow(block, body)
        else:
            assert block.language in SHOWN_ONLY, f"{block.where}: nobody runs {block.language!r} blocks"

    def _shell(self, block: Block, body: str) -> None:
        said, done = "", None
        for command in commands(body, console=block.language == "console"):
            if runs(command, block.where):
                done = self._run(["bash", "-c", UV_RUN.sub("", command)], block.where)
                said += done.stdout
                last = int(block.rest or 0) if block.order == "exit" else 0
                shown = f"{block.where}: {command}\n{done.stdout}{done.stderr}"
                assert done.returncode in (0, last), shown
        if block.order == "exit":
            assert done is not None
            assert done.returncode == int(block.rest), f"{block.where}: exit code {done.returncode}"
        if block.order == "output":
            assert shows(outputs(body), said), f"{block.where}: prints\n{said}"

    def _python(self, block: Block, body: str) -> None:
        done = self._run([sys.executable, "-c", awaited(body)], block.where)
        assert done.returncode == 0, f"{block.where}: {done.stdout}{done.stderr}"

    def _workflow(self, block: Block, body: str) -> None:
        data = yaml.safe_load(body)
        if isinstance(data, dict) and "nodes" in data:
            import rebut

            rebut.loads(body, path=block.where, roles=[self.folder / "roles"])

    def _run(self, argv: list[str], where: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                argv, cwd=self.folder, env=self.env, capture_output=True, text=True,
                stdin=subprocess.DEVNULL, timeout=120, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            pytest.fail(f"{where}: did not end within 120 seconds")


def commands(body: str, *, console: bool) -> list[str]:
    """The commands of a block: its lines, in a console those behind ``$``; continued lines are joined."""
    lines = body.replace("\\\n", " ").splitlines()
    if console:
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def outputs(body: str) -> list[str]:
    lines = body.replace("\\\n", " ").splitlines()
    return [line.rstrip() for line in lines if line.strip() and not line.startswith("$ ")]


def shows(wanted: list[str], printed: str) -> bool:
    """Whether the lines come in this order; ``...`` stands for any lines, and for any text within one."""
    pattern = "\n".join(".*" if w == "..." else re.escape(w).replace(r"\.\.\.", ".*") for w in wanted)
    lines = "\n".join(line.rstrip() for line in printed.splitlines() if line.strip())
    return re.search(pattern, lines, re.DOTALL) is not None


def runs(command: str, where: str) -> bool:
    """Whether a command is run here; one that nobody knows is a mistake."""
    words = UV_RUN.sub("", re.sub(r"^(?:[A-Z_]+=\S+ +)*", "", command)).split()
    if words[0] in RUN:
        return True
    assert words[0] in LEFT_OUT, f"{where}: nobody knows how to run {command!r}"
    return False


def awaited(code: str) -> str:
    """A program; one that awaits at its top is put in a coroutine, as a notebook does."""
    tree = ast.parse(code)
    inner = {id(n) for f in ast.walk(tree) if isinstance(f, ast.AsyncFunctionDef) for n in ast.walk(f)}
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    if not any(isinstance(n, waits) and id(n) not in inner for n in ast.walk(tree)):
        return code
    return f"import asyncio\nasync def main():\n{textwrap.indent(code, '    ')}\nasyncio.run(main())\n"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_block_runs(document: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks(document.read_text("utf-8"), document.relative_to(ROOT).as_posix()):
        reader.follow(block)


def follow(text: str, folder: Path) -> None:
    reader = Reader(folder)
    for block in blocks(textwrap.dedent(text), "draft.md"):
        reader.follow(block)


def test_blocks_are_found_with_their_line_language_and_order() -> None:
    text = "# A\n\n```bash\nls\n```\n\n<!-- test: file a.txt -->\n```text\nhello\n```\n"
    first, second = blocks(text, "a.md")
    assert (first.where, first.language, first.body) == ("a.md:3", "bash", "ls\n")
    assert (second.order, second.rest, second.body) == ("file", "a.txt", "hello\n")


@pytest.mark.parametrize("order", ["skipp", "skip"])
def test_an_order_that_says_nothing_is_refused(order: str) -> None:
    with pytest.raises(AssertionError):
        list(blocks(f"<!-- test: {order} -->\n```bash\nls\n```\n", "a.md"))


def test_blocks_of_a_document_share_a_folder(tmp_path: Path) -> None:
    follow(
        "<!-- test: file sub/a.txt -->\n```text\nhello\n```\n```bash\ncat sub/a.txt > b.txt\n```\n", tmp_path
    )
    assert (tmp_path / "b.txt").read_text() == "hello\n"


@pytest.mark.parametrize(
    "text",
    [
        "```bash\ncat nothing-here\n```\n",
        "```console\n$ echo one\n$ cat nothing-here\n```\n",
        "```python\nraise SystemExit(3)\n```\n",
        "```bash\nreebut run debate\n```\n",
        "```cobol\nSTOP RUN.\n```\n",
        "<!-- test: exit 3 -->\n```bash\necho fine\n```\n",
        "<!-- test: output -->\n```console\n$ echo one\ntwo\n```\n",
    ],
)
def test_a_block_that_does_not_do_what_it_says_fails(text: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        follow(text, tmp_path)


def test_shown_output_may_leave_lines_out(tmp_path: Path) -> None:
    block = "```console\n$ echo one; echo two; echo three in 0.4 s\none\n...\nthree in ... s\n```\n"
    follow(f"<!-- test: output -->\n{block}", tmp_path)


def test_models_speak_from_a_script_unless_the_real_ones_are_ordered(tmp_path: Path) -> None:
    follow("```bash\necho --model openai/gpt-5-mini > a.txt\n```\n", tmp_path)
    follow("<!-- test: real-model -->\n```bash\necho local/default > b.txt\n```\n", tmp_path)
    assert (tmp_path / "a.txt").read_text() == f"--model scripted/{tmp_path / 'script.yaml'}\n"
    assert (tmp_path / "b.txt").read_text() == "local/default\n"


def test_python_may_await_at_its_top(tmp_path: Path) -> None:
    follow("```python\nimport asyncio\nawait asyncio.sleep(0)\nopen('done', 'w').close()\n```\n", tmp_path)
    assert (tmp_path / "done").exists()


def test_continued_lines_are_one_command() -> None:
    assert commands("rebut run a \\\n  --model b\n# a note\nls\n", console=False) == [
        "rebut run a    --model b",
        "ls",
    ]
    assert commands("$ ls\nfile\n", console=True) == ["ls"]
