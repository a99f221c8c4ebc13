"""`bench`: which framework, and which way of running it, is best for a network on this machine."""
