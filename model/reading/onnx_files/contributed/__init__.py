"""Operators that ONNX Runtime adds to the standard (domain ``com.microsoft``): their products and shapes."""
