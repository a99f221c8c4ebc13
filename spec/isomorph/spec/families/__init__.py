"""Blocks of families of networks that several zoos have: one file for each family."""
