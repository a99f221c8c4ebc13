"""Why the nodes of a comparison differ: what each reads, what is written at it, and what is on one side alone."""
