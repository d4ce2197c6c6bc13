"""A folder for any static web host: the ONNX files and a page that runs them in the browser."""

import lzma
from importlib import resources
from pathlib import Path

from bimotion.export.onnx_files import export_onnx
from bimotion.storage.atomic import atomic_path

PACKED = ".xz"
"""Suffix of files that are compressed in the package because ONNX Runtime's are large."""


def export_page(folder: Path, out: Path) -> list[Path]:
    """Write the page and the ONNX files of a model folder into `out`; the files written.

    Raises:
        ModelError: the folder is no model folder, or its sampler cannot be exported.
        ConfigError: the package `onnx` is not installed, or the model does not predict lengths.
    """
    written = export_onnx(folder, out / "model")
    static = resources.files("bimotion.export").joinpath("static")
    viewer = resources.files("bimotion.render").joinpath("static/viewer.js")
    for entry in (*sorted(static.iterdir(), key=lambda each: each.name), viewer):
        data = entry.read_bytes()
        if entry.name.endswith(PACKED):
            data = lzma.decompress(data)
        target = out / entry.name.removesuffix(PACKED)
        with atomic_path(target) as path:
            path.write_bytes(data)
        written.append(target)
    return written
