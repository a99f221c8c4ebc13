"""`run`: compute one backend's end points, and record what they depend on."""
