"""Hosted models: every provider that LiteLLM knows, and any server that speaks OpenAI's protocol."""

from .backend import HostedBackend as HostedBackend
