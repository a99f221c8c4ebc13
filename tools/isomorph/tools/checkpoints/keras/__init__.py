"""Keras's checkpoints: the HDF5 files of Keras 2 and 3, and the .keras archive."""
