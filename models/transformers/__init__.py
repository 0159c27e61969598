"""Models of Hugging Face transformers in this process: slower than a server, but open to every probe."""

from .backend import TransformersBackend

__all__ = ["TransformersBackend"]
