"""Exit codes, as ``rebut --help`` lists them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How the process ends."""

    OK = 0
    BUG = 1
    DRIFT = 1
    WRONG = 2
    PARTIAL = 3
    NO_ANSWER = 4
    BELOW = 5
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143


HELP = """\
\b
Exit codes:
  0    done; the answer is on stdout
  1    a replay differs from its record, or a bug in rebut
  2    something you gave is wrong (workflow, question, model, key, option), or a model failed
  3    a limit ended the run early; the best answer so far is on stdout
  4    the run ended without an answer
  5    a scenario's gate does not hold (--fail-under, --no-worse-than)
  130  interrupted (143: by SIGTERM)
"""
