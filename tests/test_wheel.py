"""What is built is what is in the repository, and an install of it works far from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]
ROOMS = ("agents", "graphs", "memory", "models", "scenarios", "serving", "tools")


def run(*argv: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed; nothing in its environment points to the repository."""
    clean = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT")}
    done = subprocess.run(
        [str(a) for a in argv], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}\n{done.stderr}"
    return done.stdout


def tracked() -> list[str]:
    """Files of the working tree that git knows or would add."""
    listing = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    return [name for name in listing.splitlines() if os.path.lexists(ROOT / name)]


def expected() -> set[str]:
    """Where every file of the package must lie in the wheel."""
    names = {f"rebut/{name}" for name in tracked() if name.split("/")[0] in ROOMS}
    core = {name.removeprefix("src/") for name in tracked() if name.startswith("src/rebut/")}
    return names | {name for name in core if not (ROOT / "src" / name).is_symlink()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made from the sdist."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    uv = shutil.which("uv")
    builder = [uv, "build", "--out-dir"] if uv else [sys.executable, "-m", "build", "--outdir"]
    run(*builder, out, copy, cwd=copy)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has the wheel and its own dependencies only."""
    home = tmp_path_factory.mktemp("venv") / "v"
    uv = shutil.which("uv")
    if uv is None:
        run(sys.executable, "-m", "venv", home, cwd=home.parent)
        installer: list[str | Path] = [home / "bin/python", "-m", "pip", "install"]
    else:
        run(uv, "venv", "--no-project", "--python", sys.executable, home, cwd=home.parent)
        installer = [uv, "pip", "install", "--python", home / "bin/python"]
    run(*installer, "-c", ROOT / "constraints.txt", wheel, cwd=home.parent)
    return home / ("Scripts" if os.name == "nt" else "bin")


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    assert len(expected()) > 40
    assert not expected() - members(wheel)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    assert {name.split("/")[0] for name in members(wheel) if ".dist-info/" not in name} == {"rebut"}
    own = {name for name in members(wheel) if name.startswith("rebut/")}
    assert not own - expected()


def test_the_wheel_names_its_licence_and_its_command(wheel: Path) -> None:
    by_name = {PurePosixPath(name).name: name for name in members(wheel) if ".dist-info/" in name}
    with zipfile.ZipFile(wheel) as archive:
        assert "rebut = rebut.cli:main" in archive.read(by_name["entry_points.txt"]).decode()
        assert "License-Expression: Apache-2.0" in archive.read(by_name["METADATA"]).decode()
    assert "LICENSE" in by_name


def test_the_sdist_holds_every_file_of_the_package(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {n.removeprefix("rebut/") if n.split("/")[1] in ROOMS else f"src/{n}" for n in expected()}
    assert not wanted - names


def test_an_install_answers_help_far_from_the_repository(installed: Path, tmp_path: Path) -> None:
    assert "Usage" in run(installed / "rebut", "--help", cwd=tmp_path)


def test_an_install_loads_every_workflow_of_the_library(installed: Path, wheel: Path, tmp_path: Path) -> None:
    paths = map(PurePosixPath, members(wheel))
    library = sorted(p.stem for p in paths if p.match("rebut/graphs/library/*.yaml"))
    assert len(library) >= 5
    code = "import sys, rebut; [rebut.load(name) for name in sys.argv[1:]]; print(rebut.__file__)"
    where = run(installed / "python", "-c", code, *library, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_an_install_pollutes_no_other_name(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert run(installed / "python", "-c", code, *ROOMS, "tests", "benchmarks", cwd=tmp_path).strip() == "[]"
