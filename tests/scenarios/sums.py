"""A scenario of sums that is asked of a server which counts, from processes that may be killed."""

from __future__ import annotations

SPEC = """
name: sums
data: {generate: arithmetic, n: 12}
kind: number
workflows:
  solve: solve
  vote: {workflow: self-consistency, params: {samples: 4}}
  society: {workflow: society, params: {agents: 2, rounds: 2}}
"""
REQUESTS = 12 * (1 + 1 + 1 + 2)
"""The server draws several samples in one."""
