"""Models as ONNX files and as a page that runs without a server."""
