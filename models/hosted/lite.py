"""LiteLLM, imported when first needed and told to keep quiet: importing it costs seconds."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from rebut.errors import SettingsError


@lru_cache(maxsize=1)
def litellm() -> Any:
    """The module.

    Raises:
        SettingsError: it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm as module
    except ImportError:
        raise SettingsError("this model needs LiteLLM (uv add 'rebut[litellm]')") from None
    module.suppress_debug_info = True
    module.turn_off_message_logging = True
    module.num_retries = 0
    return module


class NoLog:
    """Stands where a transformation of LiteLLM expects its logger; keeps nothing."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.optional_params: dict[str, Any] = options or {}
        self.litellm_params: dict[str, Any] = {}
        self.model_call_details: dict[str, Any] = {}

    def pre_call(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is logged."""

    def post_call(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is logged."""


def status_of(error: Exception) -> int | None:
    """The HTTP status that an exception of LiteLLM carries."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None
