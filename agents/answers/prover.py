"""A child process that decides whether two formulas are equal; run as a script, spoken to in lines of JSON.

A process of its own, because symbolic algebra can take forever, or all memory, inside one call that neither
a signal nor a thread can end.
"""

from __future__ import annotations

import json
import logging
import sys
from functools import lru_cache
from typing import Any

SOFT_SECONDS = 2
MEMORY_BYTES = 2 << 30


def main() -> None:
    """Answer each line ``["a", "b"]`` with ``true`` or ``false``; say ``ready`` first."""
    _limit()
    equal = _equal()
    print('"ready"', flush=True)  # noqa: T201
    for line in sys.stdin:
        a, b = json.loads(line)
        print(json.dumps(equal(a, b)), flush=True)  # noqa: T201


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the parent's clock is the only limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _equal() -> Any:
    from math_verify import parse, verify
    from math_verify.parser import LatexExtractionConfig

    logging.disable(logging.CRITICAL)
    soft = SOFT_SECONDS if sys.platform != "win32" else None
    latex = [LatexExtractionConfig()]  # never its parser for plain expressions, which evaluates text

    @lru_cache(maxsize=1024)
    def parsed(formula: str) -> Any:
        return parse(f"${formula}$", extraction_config=latex, parsing_timeout=soft)

    def equal(a: str, b: str) -> bool:
        try:
            left, right = parsed(a), parsed(b)
            return any(verify(x, y, timeout_seconds=soft) for x, y in ((left, right), (right, left)))
        except Exception:
            return False

    return equal


if __name__ == "__main__":
    main()
