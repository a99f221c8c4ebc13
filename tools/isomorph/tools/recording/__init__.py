"""`run`: one backend's end points, and the record of what they depend on."""
