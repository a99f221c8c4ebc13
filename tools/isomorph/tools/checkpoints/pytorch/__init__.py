"""PyTorch's checkpoints: the zip archive, the bare pickle stream before 1.6 and the tar archive before 0.1.10."""
