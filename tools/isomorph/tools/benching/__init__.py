"""What `isomorph bench` is made of: modes, yardsticks, processes that take turns, and the report."""
