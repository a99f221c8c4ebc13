"""`bench`: find the framework, and the way of running it, that is best for a network on this machine."""
