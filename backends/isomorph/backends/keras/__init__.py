"""The networks in Keras 3, on TensorFlow or another engine."""
