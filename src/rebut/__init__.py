"""rebut."""
