"""The networks without torch, written once in operations that numpy computes or that become ONNX graphs.

No command uses `numpy_operations` and `noise`: exported graphs and the page of the browser are tested against them, and
a program without torch can call them.
"""
