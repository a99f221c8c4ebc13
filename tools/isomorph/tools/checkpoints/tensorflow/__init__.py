"""TensorFlow's checkpoints: an index and its shards."""
