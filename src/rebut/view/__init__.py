"""How a run looks to a person: events folded into a board and into blocks, drawn plainly or live."""
