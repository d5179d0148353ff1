"""From files to documents: JSON, ONNX, and other tools' formats, with every fault told at its place."""
