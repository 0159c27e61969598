"""Models on this machine: llama.cpp in this process, on weights that are installed or brought here once."""

from .backend import LocalBackend
from .weights import find, installed

__all__ = ["LocalBackend", "find", "installed"]
