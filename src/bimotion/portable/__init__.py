"""The networks without torch, written once in operations that numpy computes or that become ONNX graphs."""
