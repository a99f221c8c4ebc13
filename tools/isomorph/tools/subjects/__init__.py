"""What a command is asked about, a network with its weights and images, and the backends that it runs in."""
