"""`list --capabilities`: try what each framework can do on this machine."""
