"""Faults of training, planted in a native object, its loss or its optimiser: the same functions in each file."""
