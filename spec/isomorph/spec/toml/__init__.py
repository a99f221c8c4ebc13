"""Networks as `.toml` files: read as hostile input, and written."""
