"""Find the network, weights and images that a command is given, and the backends that it runs in."""
