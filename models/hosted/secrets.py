"""Keeps keys out of every text that rebut shows: servers like to repeat them in their error messages."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

HIDDEN = "***"
_NAMES = re.compile(r"(API_?KEY|_KEY|_TOKEN|_SECRET|PASSWORD|SECRET_ACCESS_KEY|ACCESS_KEY_ID)$")
_LOOKS_SECRET = re.compile(
    r"\b(?:sk|pk|gsk|xai|nvapi|hf)[-_][A-Za-z0-9*_\-.]{6,}|\bAIza[\w-]{10,}|(?<=Bearer )[^\s\"')]{6,}"
)
_SHORTEST = 6


def scrub(text: str, *known: str, environ: Mapping[str, str] | None = None) -> str:
    """The text without the keys of the environment, without `known`, and without what looks like a key.

    >>> scrub("wrong key: s3cr3t-value (Bearer abcdefgh)", "s3cr3t-value", environ={})
    'wrong key: *** (Bearer ***)'
    """
    env = os.environ if environ is None else environ
    secrets = {value for name, value in env.items() if _NAMES.search(name) and len(value) >= _SHORTEST}
    secrets.update(value for value in known if value)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _LOOKS_SECRET.sub(HIDDEN, text)
