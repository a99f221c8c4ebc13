"""The child's side of `isomorph bench`: what is measured in a framework, in the framework's own idiom."""
