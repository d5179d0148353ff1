"""What is done to the graph of an ONNX model before its nodes are looked at, and the values in it."""
