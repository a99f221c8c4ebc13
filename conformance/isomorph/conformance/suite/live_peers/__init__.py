"""Networks of frameworks' own zoos, each run in a process of its own: one file per framework, side by side."""
