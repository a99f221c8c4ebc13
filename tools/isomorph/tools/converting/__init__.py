"""`convert`: write a checkpoint under another zoo's names, or in another kind of file."""
