"""Models: one gateway (limits, budget, retries, cache, journal hook) and the back ends behind it."""
