"""Recover an architecture that no zoo lists from the shapes of a file's tensors, in its order."""
