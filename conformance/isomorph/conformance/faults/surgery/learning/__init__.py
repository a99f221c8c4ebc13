"""Faults of training, done to a native object, its loss or its optimiser: the same functions in each file."""
