"""Scenarios: workflows measured on data; the room is laid out, and empty so far."""
