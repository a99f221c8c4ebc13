"""The definition of "the same", and the suite that certifies a backend."""
