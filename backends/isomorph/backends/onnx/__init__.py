"""Open and trace ONNX files. Nothing is built here: there is no framework behind the format."""
