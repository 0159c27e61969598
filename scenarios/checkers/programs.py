"""Programs that models wrote, held against tests; they run in a process of their own that is shut in."""

from __future__ import annotations

import ast
import warnings

from ...tools import sandbox

LONGEST = 50_000
"""Characters of a program that is looked at."""


def passes(program: str, tests: str) -> bool:
    """Whether a program passes the tests within the limits of the sandbox."""
    return len(program) <= LONGEST and sandbox.passes(program, tests).passed


def unfit(tests: str) -> str:
    """Why a text is no Python program of tests; empty where it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return f"the tests are no Python: {reason}"
    return "" if any(isinstance(node, ast.Assert) for node in ast.walk(tree)) else "the tests assert nothing"
