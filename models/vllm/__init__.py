"""Models under vLLM: an engine in this process (`vllm/`), or a server that rebut starts (`vllm-server/`)."""

from .backend import VllmBackend as VllmBackend
from .serving import VllmServerBackend as VllmServerBackend
