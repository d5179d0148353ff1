"""From files to documents: JSON, ONNX, and other tools' formats, with every fault reported at its place."""
