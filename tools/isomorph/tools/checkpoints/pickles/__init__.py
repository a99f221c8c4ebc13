"""Pickles read by a machine that knows how to build tensors and nothing else."""
