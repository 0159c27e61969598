"""Graphs: the workflow language, its diagnostics, the plan, and the compiler to LangGraph."""
