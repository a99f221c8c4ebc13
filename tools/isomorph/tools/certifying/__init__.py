"""`conformance run` and `conformance faults`: is a backend what the specification says, and would the suite notice?"""
