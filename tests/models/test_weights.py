"""Where `local/<name>` finds its weights."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rebut.errors import ModelUnavailable
from rebut.models.local import catalogue, hub, weights
from rebut.models.local.catalogue import Packaged
from rebut.models.local.weights import find, installed

PARTS = [b"GGUF" + os.urandom(5_000_000), os.urandom(4_000_000), b"end"]
WHOLE = b"".join(PARTS)
BIG = Packaged(
    name="big",
    file="big.gguf",
    parts=tuple(f"big-model-part{i}" for i in (1, 2, 3)),
    pattern="data/*.bin",
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    size=len(WHOLE),
    licence="MIT",
    group="weights-big",
    about="in parts",
    aliases=("b",),
)
SMALL = replace(
    BIG,
    name="small",
    file="small.gguf",
    parts=("small-model",),
    pattern="small_model/*.gguf",
    sha256=hashlib.sha256(PARTS[0]).hexdigest(),
    size=len(PARTS[0]),
    group="weights-small",
    aliases=(),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and cache, and a catalogue of two."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "KNOWN", (BIG, SMALL))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site: Path, distribution: str, file: str, content: bytes) -> None:
    """Install a distribution of one data file, whose code must never run."""
    package = site / file.split("/")[0]
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).write_bytes(content)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{package.name}/__init__.py,,\n{file},,\n")


def install_big(site: Path) -> None:
    for number, part in enumerate(PARTS, 1):
        install(site, f"big-model-part{number}", f"big_model_part{number}/data/part.bin", part)


def whole_in(home: Path, content: bytes = WHOLE, name: str = "big.gguf") -> Path:
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / name).write_bytes(content)
    return home / "models" / name


def leftovers(home: Path) -> list[str]:
    return [
        f.name for f in (home / "models").iterdir() if f.name.startswith(".big.gguf.tmp") or "tmp" in f.name
    ]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are hashed from here on."""
    hashed: list[str] = []
    real: Callable[..., Any] = hashlib.file_digest

    def digest(file: Any, name: str) -> Any:
        hashed.append(Path(file.name).name)
        return real(file, name)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    return hashed


def test_a_path_is_taken_as_it_is(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = {
        find(name, home=home) for name in ("own.gguf", "./own.gguf", "~/own.gguf", str(tmp_path / "own.gguf"))
    }
    assert found == {tmp_path / "own.gguf"}


def test_a_path_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no such file: '/none/x\.gguf'"):
        find("/none/x.gguf", home=home)


def test_one_part_is_used_where_it_lies_and_hashed_once(
    home: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "small-model", "small_model/s.gguf", PARTS[0])
    hashed = counted(monkeypatch)
    assert [find("small", home=home) for _ in range(3)] == [site / "small_model" / "s.gguf"] * 3
    assert hashed == ["s.gguf"]


def test_parts_are_put_together_once_with_progress(
    home: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_big(site)
    hashed, seen = counted(monkeypatch), list[tuple[int, int]]()
    path = find("big", home=home, progress=lambda done, size: seen.append((done, size)))
    assert path == home / "models" / "big.gguf" and path.read_bytes() == WHOLE
    assert seen[-1] == (len(WHOLE), len(WHOLE)) and [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert find("B", home=home, progress=lambda *_: pytest.fail("put together again")) == path
    assert hashed == [] and leftovers(home) == []


def test_a_whole_file_that_somebody_brought_is_checked_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, hashed = whole_in(home), counted(monkeypatch)
    assert {find("big", home=home), find("big", home=home)} == {path}
    assert hashed == ["big.gguf"]


def test_a_file_that_changed_is_checked_again_and_refused(home: Path) -> None:
    path = whole_in(home)
    find("big", home=home)
    path.write_bytes(WHOLE[:-1] + b"x")
    with pytest.raises(
        ModelUnavailable, match=r"damaged weights: .*big\.gguf does not have the published sha256"
    ):
        find("big", home=home)


def test_a_file_cut_short_is_refused_without_reading_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_in(home, WHOLE[:-1])
    hashed = counted(monkeypatch)
    with pytest.raises(ModelUnavailable, match=r"9000006 bytes instead of 9000007.* run: uv sync"):
        find("big", home=home)
    assert hashed == []


def test_damaged_parts_leave_no_file_behind(home: Path, site: Path) -> None:
    install_big(site)
    (site / "big_model_part2" / "data" / "part.bin").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match="do not add up to the published file"):
        find("big", home=home)
    assert not (home / "models" / "big.gguf").exists() and leftovers(home) == []


def test_a_missing_part_means_that_it_is_not_installed(home: Path, site: Path) -> None:
    install_big(site)
    shutil.rmtree(site / "big_model_part2-1.0.dist-info", ignore_errors=True)
    shutil.rmtree(site / "big_model_part2")
    with pytest.raises(
        ModelUnavailable, match=r"local/big are not installed \(9 MB\); run: uv sync --group weights-big"
    ):
        find("big", home=home)


def test_too_little_room_is_said_before_anything_is_written(
    home: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_big(site)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(ModelUnavailable, match=r"needs 76 MB in .*, which has 1 MB left"):
        find("big", home=home)
    assert leftovers(home) == []


def test_a_disk_that_fills_up_leaves_no_file_behind(
    home: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    install_big(site)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelUnavailable, match=r"cannot put .*big\.gguf together: the disk is full"):
        find("big", home=home)
    assert not (home / "models" / "big.gguf").exists() and leftovers(home) == []


def test_an_interrupted_assembly_leaves_no_file_behind(home: Path, site: Path) -> None:
    def interrupt(done: int, size: int) -> None:
        raise KeyboardInterrupt

    install_big(site)
    with pytest.raises(KeyboardInterrupt):
        find("big", home=home, progress=interrupt)
    assert leftovers(home) == [] and find("big", home=home).read_bytes() == WHOLE


def test_two_processes_do_not_get_in_each_others_way(home: Path, site: Path) -> None:
    install_big(site)
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "from rebut.models.local import weights; from rebut.models.local.catalogue import Packaged\n"
        f"weights.KNOWN = ({BIG!r},)\n"
        "print(weights.find('big', home=pathlib.Path(sys.argv[2])))"
    )
    args = [sys.executable, "-c", code, str(site), str(home)]
    both = [subprocess.Popen(args, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert {p.communicate()[0].strip() for p in both} == {str(home / "models" / "big.gguf")}
    assert (home / "models" / "big.gguf").read_bytes() == WHOLE and leftovers(home) == []


def test_a_home_that_cannot_be_written_to_is_named(home: Path, site: Path) -> None:
    install_big(site)
    home.write_text("a file, not a folder")
    with pytest.raises(ModelUnavailable, match=r"cannot put .*: Not a directory"):
        find("big", home=home)


def test_the_default_is_the_best_that_is_installed(home: Path, site: Path) -> None:
    install(site, "small-model", "small_model/s.gguf", PARTS[0])
    assert find("default", home=home).name == "s.gguf"
    install_big(site)
    assert find("default", home=home).name == "big.gguf"


def test_nothing_installed_names_the_commands(home: Path) -> None:
    with pytest.raises(
        ModelUnavailable, match=r"no weights .*uv sync --group weights-big \(big, 9 MB\); uv sync"
    ):
        find("default", home=home)
    with pytest.raises(ModelUnavailable, match=r"unknown local model: 'smal' \(did you mean 'small'\?\)"):
        find("smal", home=home)


def test_a_file_of_ones_own_in_the_folder_goes_by_its_name(home: Path) -> None:
    own = whole_in(home, b"GGUF", "mine-7b.gguf")
    assert find("mine-7b", home=home) == own
    with pytest.raises(ModelUnavailable):
        find("../models/mine-7b", home=home)


def test_the_list_shows_what_is_at_hand(home: Path, site: Path) -> None:
    assert installed(home) == []
    install_big(site)
    whole_in(home, b"GGUF", "mine.gguf")
    assert [(i.name, i.path is not None, i.size) for i in installed(home)] == [
        ("big", False, len(WHOLE)),
        ("mine", True, 4),
    ]
    find("big", home=home)
    assert installed(home)[0].path == home / "models" / "big.gguf"


def snapshot(cache: Path, *files: str) -> Path:
    folder = cache / "models--ada--tiny-GGUF" / "snapshots" / "abc"
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"GGUF")
    return folder


@pytest.fixture
def cache(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize("name", ["hf:ada/tiny-GGUF", "ada/tiny-GGUF", "ada/tiny-GGUF/t-Q4_K_M.gguf"])
def test_the_cache_of_the_hub_is_looked_through(home: Path, cache: Path, name: str) -> None:
    folder = snapshot(cache, "t-Q8_0.gguf", "t-Q4_K_M.gguf")
    assert find(name, home=home) == folder / "t-Q4_K_M.gguf"


def test_without_a_network_the_hub_fails_with_one_sentence(home: Path, cache: Path) -> None:
    with pytest.raises(
        ModelUnavailable, match=r"^local/hf:ada/other is not in the Hugging Face cache, and"
    ) as caught:
        find("hf:ada/other", home=home)
    assert "\n" not in str(caught.value)


def test_a_place_that_is_none_is_refused(home: Path) -> None:
    with pytest.raises(ModelUnavailable, match="expected: owner/repo"):
        find("hf:../../etc/passwd", home=home)


def test_no_file_in_parts_is_preferred() -> None:
    assert hub.preferred(["a-00001-of-00002.gguf", "README.md"]) is None
    assert hub.preferred(["b-f16.gguf", "a-f16.gguf"]) == "a-f16.gguf"


def test_the_catalogue_is_sound() -> None:
    names = [n for k in catalogue.KNOWN for n in (k.name, *k.aliases)]
    assert len(names) == len(set(names)) and "default" not in names
    assert all(len(k.sha256) == 64 and k.size > 0 for k in catalogue.KNOWN)
    assert [len(k.parts) for k in catalogue.KNOWN] == [22, 6, 1]
