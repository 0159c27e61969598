"""The page in a real browser: what its script does, what its policy refuses, and what it looks like."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rebut.scenarios.report import Evidence, page, rendering

from .conftest import Talker, Tree, errs

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--enable-logging=stderr",
)  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium found (Debian: apt-get install chromium)"),
]
Gather = Callable[..., Any]


@dataclass
class Browser:
    """Chromium, started anew for each look, with a profile of its own."""

    folder: Path

    def _run(self, html: str, *flags: str, fragment: str = "") -> subprocess.CompletedProcess[str]:
        (self.folder / "page.html").write_text(html, "utf-8")
        place = f"{(self.folder / 'page.html').as_uri()}{fragment}"
        profile = f"--user-data-dir={self.folder / 'profile'}"
        assert BROWSER is not None
        command = [BROWSER, *FLAGS, profile, *flags, place]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)

    def dom(self, html: str, *flags: str, fragment: str = "") -> tuple[str, list[str]]:
        """The page after its script has run, and what it said to the console."""
        done = self._run(html, "--dump-dom", *flags, fragment=fragment)
        return done.stdout, re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)

    def picture(self, html: str, width: int, height: int, *flags: str) -> Picture:
        shot = self.folder / "shot.png"
        self._run(html, f"--screenshot={shot}", f"--window-size={width},{height}", *flags)
        return Picture.of(shot.read_bytes())


@dataclass
class Picture:
    """What a test needs of a PNG file: its size, its first pixel, and its rows as they are packed."""

    width: int
    height: int
    corner: tuple[int, ...]
    rows: list[bytes]

    @classmethod
    def of(cls, png: bytes) -> Picture:
        at, data = 8, b""
        width, height = struct.unpack(">II", png[16:24])
        while at < len(png):
            (size,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
            data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
            at += 12 + size
        raw = zlib.decompress(data)
        wide = len(raw) // height
        rows = [raw[i : i + wide] for i in range(0, len(raw), wide)]
        return cls(width, height, tuple(raw[1:4]), rows)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.fixture
async def html(gather: Gather) -> str:
    evidence: Evidence = await gather(Talker(wrong=errs))
    return page(evidence, version="1", now=0.0)


def probed(monkeypatch: pytest.MonkeyPatch, gathered: Evidence, probe: str) -> str:
    """The page with a script of the test's behind its own, and a policy that lets both run."""
    own = rendering._text("page.js")
    texts = {"page.js": f"{own}\n{probe}", "page.css": rendering._text("page.css")}
    texts["page.html"] = rendering._text("page.html")
    monkeypatch.setattr(rendering, "_text", lambda name: texts[name])
    return page(gathered, version="1", now=0.0)


def test_the_script_runs_and_the_console_is_silent(browser: Browser, html: str) -> None:
    dom, said = browser.dom(html)
    found = Tree(dom)
    assert said == []
    assert [a for tag, a in found.elements if tag == "form"] == [{"id": "filter"}]
    assert ("output", "6 of 6 items") in found.texts
    assert "owned" not in re.findall(r"<title>(.*?)</title>", dom)[0]


@pytest.mark.parametrize("kind", ["is-wrong", "is-changed", "is-failed"])
def test_the_filter_shows_what_it_says(browser: Browser, html: str, kind: str) -> None:
    chosen = html.replace('value="all" checked', 'value="all"')
    chosen = chosen.replace(f'value="{kind}"', f'value="{kind}" checked')
    found = Tree(browser.dom(chosen)[0])
    items = found.having(kind="item")
    shown = [a for a in items if "hidden" not in a]
    assert shown == found.having(kind=kind) and len(shown) < len(items) == 6
    assert ("output", f"{len(shown)} of 6 items") in found.texts


def test_a_link_to_an_item_opens_it(browser: Browser, html: str) -> None:
    found = Tree(browser.dom(html, fragment="#item-3")[0])
    assert [a["id"] for a in found.having(kind="item") if "open" in a] == ["item-3"]


async def test_the_filter_and_the_search_work_by_hand(
    browser: Browser, gather: Gather, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = """
    const say = () => document.body.append(" [" + document.getElementById("told").textContent + "]");
    document.querySelector("[value=is-failed]").click(); say();
    location.hash = "#item-2";
    setTimeout(() => {
      say();
      const find = document.querySelector("[name=find]");
      find.value = "ARITHMETIC-0-4";
      find.dispatchEvent(new Event("input", { bubbles: true })); say();
      document.getElementById("filter").requestSubmit(); say();
    }, 100);
    """
    html = probed(monkeypatch, await gather(Talker(wrong=errs)), probe)
    dom, said = browser.dom(html, "--virtual-time-budget=2000")
    assert "[0 of 6 items] [6 of 6 items] [1 of 6 items] [1 of 6 items]" in " ".join(dom.split())
    assert said == []
    assert 'open=""' in dom.split('id="item-2"')[1].split(">")[0]


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_the_page_never_scrolls_sideways(
    browser: Browser, gather: Gather, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    probe = """
    for (const one of document.querySelectorAll("details")) one.open = true;
    const root = document.documentElement;
    parent.postMessage(`[${root.clientWidth} ${root.scrollWidth}]`, "*");
    """
    evidence = await gather(
        Talker(wrong=errs, says="w" * 3000),
        workflows="{a-very-long-label-of-a-contender-that-goes-on-and-on-and-on: solve, vote: solve}",
    )
    html = probed(monkeypatch, evidence, probe)
    (browser.folder / "inner.html").write_text(html, "utf-8")
    frame = (
        "<!doctype html><script>onmessage = (event) => document.body.append(event.data);</script>"
        f'<iframe src="inner.html" width="{width}" height="900" frameborder="0"></iframe>'
    )  # a window of its own has a least width, which is wider than a phone
    dom, _ = browser.dom(frame, "--virtual-time-budget=2000")
    ((inner, whole),) = re.findall(r"\[(\d+) (\d+)\]", dom.split("</iframe>")[1])
    assert int(inner) == int(whole) == width


def test_a_script_that_is_not_the_pages_own_does_not_run(browser: Browser, html: str) -> None:
    broken = html.replace("</main>", "</main><script>document.title = 'owned'</script>")
    dom, said = browser.dom(broken)
    assert re.findall(r"<title>(.*?)</title>", dom)[0] != "owned"
    assert len(said) == 1 and "Content Security Policy" in said[0]


@pytest.mark.parametrize(("flags", "paper"), [((), (255, 255, 255)), ((DARK,), (18, 21, 27))])
@pytest.mark.parametrize("width", [500, 1280])
def test_it_looks_like_a_page_in_light_and_dark(
    browser: Browser, html: str, flags: tuple[str, ...], paper: tuple[int, ...], width: int
) -> None:
    seen = browser.picture(html, width, 1600, *flags)
    assert (seen.width, seen.height, seen.corner) == (width, 1600, paper)
    assert len(set(seen.rows)) > 500
    blank = browser.picture("<!doctype html><title>x</title>", width, 1600)
    assert len(set(blank.rows)) < 10
