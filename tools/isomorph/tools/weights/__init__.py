"""Find which network a file's tensors are: read and identify them, `inspect` and `diff`."""
