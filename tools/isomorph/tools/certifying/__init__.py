"""`conformance run` and `conformance faults`: certify backends, and show which mistakes the suite notices."""
