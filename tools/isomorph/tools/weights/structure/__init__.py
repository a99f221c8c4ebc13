"""Tell a network by the shapes of its tensors, whatever their names are."""
