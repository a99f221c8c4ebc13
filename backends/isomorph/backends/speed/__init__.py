"""The child's side of `isomorph bench`: it measures a framework, in the framework's own idiom."""
