"""Memory: the store of runs, their journal (resume and replay), and files to carry a run elsewhere."""
