"""What goes wrong with vLLM, as the error that says whose fault it is and what can be done."""

from __future__ import annotations

import re
from pathlib import Path

from rebut.errors import ModelBusy, ModelError, ModelRefused, ModelUnavailable

MISSING = "vllm models need vLLM; run: uv pip install 'rebut[vllm]'"

_TAIL = 16_384
_LONGEST = 300
_EMPTY = ("See root cause", "EngineDeadError", "KeyboardInterrupt")
_RAISED = re.compile(r"(?:^|[\s\]])(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|NotFound)\b:? ?(.*)$")
_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"KV cache (?:is needed|memory)|No available memory for the cache|"
            r"kv.?cache.*(?:space|size).*(?:small|enough|larger|smaller)",
            re.IGNORECASE,
        ),
        "no room for its key-value cache; ask for less context (ctx=TOKENS) or for more memory "
        "(memory=SHARE or kv=GIB)",
    ),
    (
        re.compile(r"out of memory|free memory on device|cannot allocate memory|MemoryError", re.IGNORECASE),
        "not enough memory; lower memory=SHARE or ctx=TOKENS, spread it (tensor=GPUS), or free the device",
    ),
    (
        re.compile(r"greater than the derived max_model_len", re.IGNORECASE),
        "ctx is more than the model was trained for",
    ),
    (
        re.compile(
            r"not a local folder and is not a valid model|repository not found|repo id must|"
            r"(?:can't|couldn't|couldn’t|cannot|could not) (?:load|connect|find)|invalid repository id|"
            r"outgoing traffic has been disabled|does not appear to have a file",
            re.IGNORECASE,
        ),
        "no such model, neither as a folder nor in the hub's cache, and the hub does not give it",
    ),
    (re.compile(r"sleep mode is not supported", re.IGNORECASE), "sleep= needs a GPU"),
)


def not_installed(model: str) -> ModelUnavailable:
    """The error for a missing vLLM."""
    return ModelUnavailable(MISSING, model=model)


def not_started(error: BaseException, model: str, log: Path | None = None) -> ModelUnavailable:
    """The error for an engine that does not start; the engine's own process tells its reasons in the log."""
    said = str(error)
    logged = tail(log)
    return ModelUnavailable(f"vLLM cannot start {model!r}: {_cause(said, logged)}{_where(log)}", model=model)


def _cause(said: str, logged: str) -> str:
    for text in (said, logged):
        for pattern, meaning in _CAUSES:
            if pattern.search(text):
                return f"{meaning} ({_line(pattern, text)})"
    if "See root cause" in said and (raised := _last_raised(logged)):
        return raised
    return _short(said) or "unknown error"


def _line(pattern: re.Pattern[str], text: str) -> str:
    """The line on which the cause stands."""
    lines = [line for line in text.splitlines() if pattern.search(line)]
    return _short(_bare(lines[-1])) if lines else _short(text)


def _bare(line: str) -> str:
    """A line of the log without who said it when."""
    return re.sub(r"^.*?\[[\w./-]+:\d+\]\s*", "", line)


def _last_raised(logged: str) -> str:
    for line in reversed(logged.splitlines()):
        text = _bare(line)
        if _RAISED.search(text) and not any(word in text for word in _EMPTY):
            return _short(text)
    return ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _where(log: Path | None) -> str:
    return f"; its log: {log}" if log is not None and log.is_file() else ""


def tail(log: Path | None) -> str:
    """The end of a log; empty where there is none."""
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def died(model: str, log: Path | None = None) -> ModelUnavailable:
    """The error for an engine that ended while it had work; the next call starts a new one."""
    raised = _last_raised(tail(log))
    why = f" ({raised})" if raised else ""
    error = ModelUnavailable(
        f"the vLLM engine of {model!r} died{why}; the next call starts a new one{_where(log)}", model=model
    )
    error.retryable = True
    return error


def too_long(tokens: int, ctx: int, model: str) -> ModelRefused:
    """The error for a prompt that leaves no room for a reply."""
    return ModelRefused(
        f"the prompt of {tokens} tokens does not fit into the context of {ctx} tokens, with one for the "
        f"reply; ask for more with ?ctx=TOKENS, up to what the model was trained for",
        model=model,
        status=400,
    )


def refused(reason: object, model: str) -> ModelRefused:
    """The error for a request that the engine does not take: a schema, a template, a parameter."""
    return ModelRefused(f"vLLM refuses the request: {_short(str(reason))}", model=model, status=400)


def of_call(error: Exception, model: str, log: Path | None = None) -> ModelError:
    """The error for what a call raised, by the names of vLLM's own errors (which differ in their modules)."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, ModelError):
        return error
    if "EngineDeadError" in names:
        return died(model, log)
    if names & {"QueueOverflowError", "MaxQueuedTokensError", "RetryableRequestError"}:
        return ModelBusy(f"vLLM is busy: {_short(str(error))}", model=model, status=503)
    if names & {"VLLMClientError", "ValueError", "TypeError", "TemplateError", "NotImplementedError"}:
        return refused(error, model)
    cause = error.__cause__ or error
    if cause is not error and {k.__name__ for k in type(cause).__mro__} & {"ValueError", "VLLMClientError"}:
        return refused(cause, model)
    failure = ModelUnavailable(
        f"vLLM failed: {type(cause).__name__}: {_short(str(cause)) or 'no reason given'}", model=model
    )
    failure.retryable = "EngineGenerateError" in names
    return failure
