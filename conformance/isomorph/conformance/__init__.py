"""What "the same" means, and what certifies a backend."""
