"""What "the same training" means: gradients, running statistics and steps, against the oracle's own."""
