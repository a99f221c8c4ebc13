"""Planted faults: the tests of the tests. What is got wrong, how it is planted in a backend, and which tier sees it."""
