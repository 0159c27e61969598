"""The catalogue of failures names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "failures.md"


def test_every_failure_has_a_guard_that_is_tested() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")][2:]
    assert len(lines) >= 19
    for line in lines:
        named = re.search(r"`([\w/]+\.py)(?:::(\w+))?` \|$", line)
        assert named, f"no test: {line}"
        path, test = TESTS / named[1], named[2]
        assert path.is_file() and (test is None or f"def {test}(" in path.read_text("utf-8")), named[0]
