"""`predict`: classify photographs, with every backend's probabilities."""
