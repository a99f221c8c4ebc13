"""The networks in Paddle."""
