"""Paddle's checkpoints."""
