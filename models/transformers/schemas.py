"""Keeps a reply to a JSON Schema, where xgrammar is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .failures import first_line, refused
from .loading import Loaded


@lru_cache(maxsize=1)
def can_constrain() -> bool:
    """Whether decoding can be held to a schema; does not import what does it."""
    return find_spec("xgrammar") is not None


class Schemas:
    """The grammars of one model, each compiled once."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._compiler: Any = None

    def keeper(self, schema: Mapping[str, Any], model: str) -> Keeper:
        """What holds one completion to the schema.

        Raises:
            ModelRefused: the schema is none, or xgrammar cannot hold a reply to it.
        """
        xgrammar = import_module("xgrammar")
        if self._compiler is None:
            info = xgrammar.TokenizerInfo.from_huggingface(
                self._loaded.tokenizer,
                vocab_size=self._loaded.vocabulary,
                stop_token_ids=sorted(self._loaded.ends),
            )
            self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        try:
            grammar = self._compiler.compile_json_schema(json.dumps(dict(schema)), any_whitespace=False)
        except Exception as bad:  # its errors have no base of their own
            raise refused(f"the schema cannot be held to: {first_line(bad)}", model) from None
        return Keeper(xgrammar, grammar, self._loaded.vocabulary)


class Keeper:
    """Holds one completion to a grammar."""

    def __init__(self, xgrammar: Any, grammar: Any, vocabulary: int) -> None:
        self._matcher = xgrammar.GrammarMatcher(grammar)
        self._mask = xgrammar.allocate_token_bitmask(1, vocabulary)
        self._apply = xgrammar.apply_token_bitmask_inplace

    def narrow(self, logits: Any) -> Any:
        """The logits of one position, with ``-inf`` for what must not come next."""
        self._matcher.fill_next_token_bitmask(self._mask)
        narrowed = logits.float().unsqueeze(0).clone()
        self._apply(narrowed, self._mask)
        return narrowed[0]

    def take(self, token: int) -> None:
        """Take in the token that came."""
        self._matcher.accept_token(token)

    @property
    def done(self) -> bool:
        """Whether nothing more can come."""
        return bool(self._matcher.is_terminated())
