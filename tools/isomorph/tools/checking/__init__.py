"""`check`: compare the same network in every backend with the oracle, in inference and in training."""
