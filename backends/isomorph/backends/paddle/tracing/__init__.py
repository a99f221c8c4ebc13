"""Open and trace models of Paddle that somebody else wrote."""
