"""What `bench` measures unless told otherwise."""

BATCHES = (1, 8, 32)
"""Images in a call, beside single ones."""

TRAINING_BATCH = 8
"""Images in a training step."""

ROUNDS = 11
"""Turns of each mode."""
