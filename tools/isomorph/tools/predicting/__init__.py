"""`predict`: the classes of photographs, with every backend's probabilities."""
