"""The plan of the house, read from the imports: arrows point down, heavy modules wait until they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Of the lowest rooms, memory keeps what models say; models know nothing of memory.
ROOMS = {"models": 1, "memory": 2, "tools": 2, "agents": 3, "graphs": 4, "scenarios": 5, "serving": 6}
CORE = {"errors", "events", "records", "settings", "ids", "__version__"}
FACE = 7

HEAVIEST = {"langgraph", "litellm", "vllm", "ray", "sympy", "math_verify", "xllamacpp", "torch"}
OTHERS = {
    "langchain_core",
    "openai",
    "numpy",
    "sqlalchemy",
    "sqlmodel",
    "aiohttp",
    "httpx",
    "jinja2",
    "starlette",
}
# Files that are themselves imported only on the path that needs the module.
MAY_IMPORT_AT_ONCE: dict[str, set[str]] = {}
# Programs of their own, whose output goes down a pipe to the process that started them.
ANSWERS_ON_STDOUT = {"agents/answers/prover.py"}


@dataclass(frozen=True)
class Import:
    """One imported module, absolute, and how the file wrote it."""

    file: str
    line: int
    module: str
    relative: bool
    lazy: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def sources(*, with_tests: bool = False) -> list[Path]:
    """The Python files of the real folders; the links under src/rebut would show them twice."""
    folders = [ROOT / room for room in ROOMS] + ([ROOT / "tests", ROOT / "benchmarks"] if with_tests else [])
    own = [p for p in (ROOT / "src/rebut").rglob("*.py") if not _through_a_link(p)]
    return sorted(own + [p for folder in folders for p in folder.rglob("*.py")])


def _through_a_link(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else ("rebut", *parts)
    return ".".join(parts)


def room(module: str) -> str:
    """The name below rebut: a room, a module of the core, or empty for rebut itself."""
    return module.partition(".")[2].partition(".")[0]


def floor(module: str) -> int:
    """0 for the core, 1-6 for a room, 7 for the face."""
    return 0 if room(module) in CORE else ROOMS.get(room(module), FACE)


def walk(node: ast.AST, lazy: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below, each with whether importing the module does not execute it."""
    for child in ast.iter_child_nodes(node):
        waits = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waits = waits or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        yield child, waits
        yield from walk(child, waits)


def resolve(path: Path, node: ast.ImportFrom) -> list[str]:
    """The absolute modules that a `from` statement names; `from .. import models` names rebut.models."""
    package = module_name(path).split(".")[: -node.level] if node.level else []
    module = ".".join([*package, *filter(None, [node.module])])
    return [f"rebut.{alias.name}" for alias in node.names] if module == "rebut" else [module]


def imports(path: Path) -> Iterator[Import]:
    for node, lazy in walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(place(path), node.lineno, alias.name, False, lazy)
        elif isinstance(node, ast.ImportFrom):
            for module in resolve(path, node):
                yield Import(place(path), node.lineno, module, bool(node.level), lazy)


def own_imports() -> Iterator[tuple[str, Import]]:
    for path in sources():
        for found in imports(path):
            if found.module.split(".")[0] == "rebut":
                yield module_name(path), found


def test_the_folders_are_there_and_none_is_forgotten() -> None:
    linked = {p.name for p in (ROOT / "src/rebut").iterdir() if p.is_symlink()}
    assert linked == set(ROOMS)
    assert len(sources()) > 20


def test_arrows_point_down() -> None:
    wrong = [str(i) for importer, i in own_imports() if floor(i.module) > floor(importer)]
    assert not wrong


def test_rooms_of_one_floor_do_not_lean_on_each_other() -> None:
    wrong = [
        str(i)
        for importer, i in own_imports()
        if 0 < floor(importer) < FACE
        and floor(i.module) == floor(importer)
        and room(i.module) != room(importer)
    ]
    assert not wrong


def test_rooms_import_each_other_relatively_and_the_core_absolutely() -> None:
    wrong = []
    for importer, found in own_imports():
        if not 0 < floor(importer) < FACE:
            continue
        if found.relative == (floor(found.module) == 0):
            wrong.append(str(found))
    assert not wrong


def test_heavy_modules_wait_until_they_are_used() -> None:
    wrong = []
    for path in sources():
        allowed = MAY_IMPORT_AT_ONCE.get(place(path), set())
        for found in imports(path):
            top = found.module.split(".")[0]
            if top in HEAVIEST - allowed and not found.lazy:
                wrong.append(str(found))
    assert not wrong


def test_exceptions_to_the_lazy_rule_are_still_needed() -> None:
    for name, modules in MAY_IMPORT_AT_ONCE.items():
        at_once = {i.module.split(".")[0] for i in imports(ROOT / name) if not i.lazy}
        assert modules <= at_once, f"{name} no longer imports {modules - at_once} at once"


def test_no_file_is_over_500_lines() -> None:
    lengths = {place(p): len(p.read_text("utf-8").splitlines()) for p in sources(with_tests=True)}
    assert not {name: length for name, length in lengths.items() if length > 500}


def calls_of(path: Path, names: set[str]) -> list[str]:
    return [
        f"{place(path)}:{node.lineno} calls {node.func.id}"
        for node, _ in walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def test_text_is_never_executed() -> None:
    assert not [c for path in sources() for c in calls_of(path, {"eval", "exec", "__import__"})]


def test_only_the_command_line_prints() -> None:
    quiet = [p for p in sources() if not place(p).startswith("src/rebut/cli/")]
    quiet = [p for p in quiet if place(p) not in ANSWERS_ON_STDOUT]
    assert not [c for path in quiet for c in calls_of(path, {"print"})]


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after `code`."""
    report = f"import sys\n{code}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HELP = """
import contextlib, io
from rebut.cli import main
sys.argv = ["rebut", "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
    main()
assert "Usage" in out.getvalue()
"""


@pytest.mark.parametrize(
    "code", ["import rebut", "import rebut.testing.plugin", HELP], ids=["import", "plugin", "help"]
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    loaded = loaded_by(code)
    assert "rebut" in loaded
    assert not loaded & (HEAVIEST | OTHERS)


# Runs argv in a child of its own, so that no other child of the test process is counted.
CPU_OF = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, capture_output=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


def cpu_seconds(*argv: str) -> float:
    """User and system time of a process, the best of three."""
    command = [sys.executable, "-S", "-c", CPU_OF, *argv]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3))


@pytest.mark.parametrize(
    "what", [["-c", "import rebut"], ["-c", f"import sys\n{HELP}"]], ids=["import", "help"]
)
def test_starting_up_takes_under_0_3_seconds_of_cpu(what: list[str]) -> None:
    assert cpu_seconds(sys.executable, *what) < 0.3
