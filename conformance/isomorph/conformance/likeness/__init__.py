"""How like two models are: which node of one is which of the other, where they differ, and why, each with proof."""
