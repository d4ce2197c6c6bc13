"""`bimotion export`: a model as ONNX files, or as a page that runs in the browser alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.options import Model
from bimotion.cli.terminal import say


@dataclass(frozen=True)
class Export:
    """Write a model for use without Python and torch.

    onnx writes the networks as ONNX files with the weights as they are stored (8 and 16 bits), the tokenizer, and
    bimotion.json with prompts and sizes. page writes a folder for any static web host: the same files with a page that
    turns sentences into motions and motion files into captions, all in the browser.

    Needs the extra: pip install 'bimotion[export]'. docs/export.md describes files and page.

    examples:
      bimotion export onnx model-onnx
      bimotion export page site && python -m http.server --directory site
    """

    kind: Annotated[Positional[Literal["onnx", "page"]], arg(metavar="KIND")]
    """What to write: onnx or page."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """Folder to write into; it is created."""
    model: Model = None
    """Model folder, training run or Hub repository."""

    def run(self) -> None:
        """Write, and print what was written."""
        from bimotion.api import model_folder
        from bimotion.export.onnx_files import export_onnx
        from bimotion.export.page import export_page

        folder = model_folder(self.model)
        write = export_onnx if self.kind == "onnx" else export_page
        written = write(folder, self.out)
        for path in written:
            say(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
        say(f"together {sum(path.stat().st_size for path in written) / 1e6:.1f} MB")
