"""Agents: roles, prompts, typed returns, and what is done with their answers."""
