"""Networks as graphs of primitive operations: of a plan, or of what a model did that somebody else wrote."""
