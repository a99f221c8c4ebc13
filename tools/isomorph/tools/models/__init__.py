"""A model that somebody else wrote: `check --against`, `diagnose` and `map`."""
