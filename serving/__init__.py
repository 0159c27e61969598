"""Serving: workflows behind a URL; the room is laid out, and empty so far."""
