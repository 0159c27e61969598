"""A reward model on a server of vLLM: its tokenizer and its pooling, over the pooled session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..hosted.body import as_json
from ..hosted.failures import broken, refusal
from ..hosted.reply import parse
from ..hosted.secrets import scrub
from ..hosted.transport import Transport
from ..wire import Message
from .house import NAME, Server

_ANCHOR = "\n"


class Remote:
    """The doors of a server beside the chat."""

    def __init__(self, server: Server, transport: Transport, model: str) -> None:
        self._server, self._transport, self._model = server, transport, model

    async def conversation(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation that is complete."""
        chat = [{"role": m.role, "content": m.content} for m in messages]
        said = await self._post("/tokenize", {"messages": chat, "add_generation_prompt": False})
        return [int(token) for token in said["tokens"]]

    async def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that follows other text."""
        before, both = await self._tokens(_ANCHOR), await self._tokens(_ANCHOR + text)
        return tuple(both[len(before) :] if both[: len(before)] == before else await self._tokens(text))

    async def pooled(self, prompt: list[int], task: str) -> list[Any]:
        """What the model makes of a prompt: numbers, or a row of them for each token."""
        body = {"input": prompt, "task": task, "use_activation": False, "encoding_format": "float"}
        data = (await self._post("/pooling", body))["data"][0]["data"]
        return list(data)

    async def _tokens(self, text: str) -> list[int]:
        said = await self._post("/tokenize", {"prompt": text, "add_special_tokens": False})
        return [int(token) for token in said["tokens"]]

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        import aiohttp

        key, where = self._server.key, f"http://127.0.0.1:{self._server.port}"
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        try:
            data = as_json({"model": NAME, **body})
            async with await self._transport.post(where + path, data, headers) as reply:
                raw = await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise broken(error, model=self._model, where=where, key=key) from None
        if reply.status >= 300:
            raise refusal(
                reply.status, raw, reply.headers, model=self._model, where=where, key=key, key_env=""
            )
        return parse(raw, self._model, reply.content_type, lambda text: scrub(text, key))
