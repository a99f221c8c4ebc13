"""Describe networks from the specification alone: `list`, `show`, `compare`, and finding one by name or `.toml`."""
