"""Open and trace models of PyTorch that somebody else wrote."""
