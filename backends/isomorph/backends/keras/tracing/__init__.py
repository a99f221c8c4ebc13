"""Open and trace models of Keras and TensorFlow that somebody else wrote."""
