"""A third party's backend that computes wrong numbers: the oracle's networks, each with one mistake.

Mistakes are made where a framework would make them, in what a network computes, returns or accepts; one file has those
of one kind. conformance/tests/test_wrong_numbers.py says which test of the suite refuses which.
"""
