"""Tools for language-model agents over MCP: generate, caption, convert, search, in one folder and nowhere else."""

import secrets
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from bimotion import __version__
from bimotion.api import load, read_clip, save_clip
from bimotion.errors import BimotionError, MotionFileError
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.choices import Precision
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit
from bimotion.search.library import Library
from bimotion.server.errors import without_folders
from bimotion.server.service import model_fingerprint
from bimotion.server.settings import Limits

INSTRUCTIONS = (
    "Turns sentences into human motion and human motion into sentences. Files are named relative to one folder; the "
    "suffix chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png."
)

MAX_SEED = 2**31
"""Random seeds are below this."""


class Tools:
    """Tools of an agent for the motions of a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        model: str | Path | None = None,
        device: str = "cpu",
        precision: Precision = "fp32",
        limits: Limits | None = None,
    ) -> None:
        if not folder.is_dir():
            raise MotionFileError(f"{folder}: expected a folder of motions")
        self._folder = folder.resolve()
        self._source = (model, device, precision)
        self._limits = limits or Limits()

    @cached_property
    def model(self) -> MotionLanguageModel:
        """The model, loaded when it is first used."""
        model, device, precision = self._source
        return load(model, device, precision)

    @cached_property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return model_fingerprint(Path(self.model.name))

    def generate(
        self, text: str, file: str, seconds: float | None = None, seed: int | None = None
    ) -> dict[str, Any]:
        """Turn a sentence, such as "a person waves with the right hand", into a motion file.

        Without seconds the length comes from the sentence or is predicted. The answer has a caption of the motion, and
        warnings where motion and sentence disagree.
        """
        path = self.path(file, must_exist=False)
        if len(text) > self._limits.max_text_chars:
            raise ToolError(
                f"text: expected at most {self._limits.max_text_chars} characters, got {len(text)}"
            )
        seed = secrets.randbelow(MAX_SEED) if seed is None else seed
        try:
            clip = self.model.text_to_motion(text, seconds=seconds, seed=seed, check=True)
            save_clip(clip, path)
        except BimotionError as error:
            raise _refusal(error) from None
        assert clip.match is not None
        return {
            "file": file,
            "seconds": round(clip.duration, 2),
            "seed": seed,
            "model": self.fingerprint,
            "caption": clip.match.caption,
            "score": clip.match.score,
            "warnings": list(clip.match.warnings),
            "unknown_words": list(clip.match.unknown_words),
        }

    def caption(self, file: str) -> dict[str, Any]:
        """Describe in a sentence what the person in a motion file does."""
        try:
            clip = read_clip(self.path(file))
            return {
                "file": file,
                "seconds": round(clip.duration, 2),
                "caption": self.model.motion_to_text(clip),
            }
        except BimotionError as error:
            raise _refusal(error) from None

    def convert(
        self, source: str, target: str, names: NameSet = "smpl", unit: OutUnit = "m", fps: float | None = None
    ) -> dict[str, Any]:
        """Write a motion file in another format, with other joint names (.bvh, .glb), unit (.bvh) or rate."""
        path = self.path(target, must_exist=False)
        try:
            clip = read_clip(self.path(source))
            save_clip(clip, path, names=names, unit=unit, fps=fps)
        except BimotionError as error:
            raise _refusal(error) from None
        return {"file": target, "seconds": round(clip.duration, 2)}

    def search(self, query: str, count: int = 5, min_score: float | None = None) -> dict[str, Any]:
        """Find motion files of the folder by a sentence. The score is the probability that it is true of the piece."""
        try:
            library = Library(self._folder)
            hits = library.search(query, count, min_score=min_score)
        except BimotionError as error:
            raise _refusal(error) from None
        rows = [
            {
                "file": hit.path.relative_to(library.folder).as_posix(),
                "start": round(hit.start, 2),
                "end": round(hit.stop, 2),
                "score": round(hit.score, 4),
            }
            for hit in hits
        ]
        return {"hits": rows}

    def path(self, name: str, *, must_exist: bool = True) -> Path:
        """The path of a file in the folder.

        Raises:
            ToolError: it lies elsewhere, also by a link, or does not exist.
        """
        try:
            path = (self._folder / name).resolve()
            inside = path.is_relative_to(self._folder) and path != self._folder
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise ToolError(f"{name!r:.200}: expected the name of a file in the folder")
        if must_exist and not path.is_file():
            raise ToolError(f"{name!r:.200}: there is no such file in the folder")
        return path


def tool_server(tools: Tools) -> MCPServer:
    """The MCP server of the tools."""
    level: Literal["WARNING"] = "WARNING"
    server = MCPServer("bimotion", instructions=INSTRUCTIONS, version=__version__, log_level=level)
    for tool in (tools.generate, tools.caption, tools.convert, tools.search):
        server.tool()(tool)
    return server


def _refusal(error: BimotionError) -> ToolError:
    return ToolError(without_folders(str(error)))
