"""`check`: the same network in every backend, judged against the oracle; in inference and in training."""
