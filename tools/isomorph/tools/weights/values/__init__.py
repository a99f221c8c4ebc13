"""Whether a file's values agree with the network that its tensors are read as: what batch norms recorded tells."""
