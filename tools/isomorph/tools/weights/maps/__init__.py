"""Maps that people write: which tensor of a file is which of a network."""
