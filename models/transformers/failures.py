"""What goes wrong in torch and transformers, as rebut's errors."""

from __future__ import annotations

from rebut.errors import ModelError, ModelRefused, ModelUnavailable

_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
INSTALL = "uv pip install 'rebut[transformers]'"


def no_memory(bad: BaseException) -> bool:
    """Whether it is for want of memory, of the machine or of an accelerator."""
    return isinstance(bad, MemoryError) or any(words in str(bad).lower() for words in _MEMORY)


def failed(bad: Exception, model: str) -> ModelError:
    """The error for what the network raised while it read or wrote."""
    if isinstance(bad, ModelError):
        return bad
    if no_memory(bad):
        return ModelUnavailable(
            f"{model} ran out of memory ({first_line(bad)}); "
            "it takes less with a smaller ctx or batch, or with dtype=bfloat16",
            model=model,
        )
    return ModelUnavailable(f"{model} failed: {type(bad).__name__}: {first_line(bad)}", model=model)


def not_loaded(bad: Exception, model: str) -> ModelUnavailable:
    """The error for what came of loading."""
    if isinstance(bad, ModelUnavailable):
        return bad
    if isinstance(bad, ImportError):
        return ModelUnavailable(f"{model} needs a package ({first_line(bad)}); run: {INSTALL}", model=model)
    if no_memory(bad):
        return ModelUnavailable(
            f"{model} does not fit into the memory ({first_line(bad)}); "
            "it takes half with dtype=bfloat16 where that is not its own",
            model=model,
        )
    return ModelUnavailable(f"transformers cannot load {model}: {first_line(bad)}", model=model)


def refused(what: str, model: str) -> ModelRefused:
    """The error for a request that cannot be met."""
    return ModelRefused(what, model=model, status=400)


def first_line(bad: BaseException) -> str:
    """The first line of an error's text, or what kind it is."""
    return next((line.strip() for line in str(bad).splitlines() if line.strip()), type(bad).__name__)
