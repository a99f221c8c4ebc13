"""Which network a file's tensors are: reading and identifying them, `inspect` and `diff`."""
