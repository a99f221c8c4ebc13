"""What a function goes on with, but has to say: a warning that the command line prints as a sentence of its own."""


class Remark(UserWarning):
    """Something that the caller may not expect; the command line prints it on stderr, with the same exit status."""
