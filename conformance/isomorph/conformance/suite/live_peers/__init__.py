"""Networks of frameworks' own zoos, each asked in a process of its own: one file per framework, side by side."""
