"""Trees of partial solutions: their growth, selection and backup, as pure functions that call no model."""
