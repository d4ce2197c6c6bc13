"""Models as ONNX files, and as a static page that runs in the browser."""
