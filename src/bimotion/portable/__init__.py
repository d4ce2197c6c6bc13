"""The networks without torch: one description of them that numpy computes and that is written out as ONNX graphs."""
