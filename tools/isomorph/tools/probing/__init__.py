"""`list --capabilities`: what a framework can do here, cell by cell, each of them tried."""
