"""The JSON of answers."""

from typing import Any, Literal

from pydantic import BaseModel

from bimotion.motion.clip import Clip
from bimotion.render.page import clip_data


class ModelInfo(BaseModel):
    """The model that computed an answer."""

    name: str
    fingerprint: str
    """Hash of weights, configuration and tokenizer: results of equal fingerprint, seed and settings are equal."""
    precision: str


class ViewData(BaseModel):
    """Joint positions for the viewer: 16-bit steps, base64 of (frames, 22, 3) little-endian numbers."""

    name: str
    caption: str
    label: str
    fps: float
    frames: int
    origin: list[float]
    step: float
    joints: str


class MotionAnswer(BaseModel):
    """A motion that the server keeps for download."""

    id: str
    seconds: float
    frames: int
    fps: float
    seed: int | None = None
    text: str = ""
    """The sentence."""
    caption: str | None = None
    """A caption of the motion, as `/caption` gives it."""
    score: float | None = None
    """0 to 1: probability that sentence and motion belong together."""
    warnings: list[str] = []
    """Reasons to doubt the motion; empty if there are none."""
    unknown_words: list[str] = []
    """Words of the sentence that no training caption contains."""
    new_from: float | None = None
    """Second at which the new motion begins, in a prediction or an in-between."""
    new_to: float | None = None
    """Second at which it ends."""
    phrases: list[dict[str, Any]] | None = None
    """When each phrase of a composed motion begins and ends."""
    view: ViewData

    @classmethod
    def of(cls, id: str, clip: Clip, label: str = "") -> "MotionAnswer":
        """The answer about a clip that the server keeps under `id`; `label` is shown by the viewer."""
        return cls(
            id=id,
            seconds=round(clip.duration, 3),
            frames=len(clip),
            fps=clip.fps,
            view=ViewData.model_validate(clip_data(clip, label)),
        )


class UploadAnswer(MotionAnswer):
    """A motion that was read; `warnings` say what had to be assumed."""

    name: str
    """The file's name."""


class MotionsAnswer(BaseModel):
    """Motions, and the settings that reproduce them."""

    model: ModelInfo
    settings: dict[str, Any]
    motions: list[MotionAnswer]


class CaptionSpan(BaseModel):
    """The caption of a part of a motion."""

    start: float
    end: float
    text: str


class CaptionAnswer(BaseModel):
    """The caption of a motion."""

    model: ModelInfo
    caption: str
    spans: list[CaptionSpan]


class SearchHit(BaseModel):
    """A recording that was found."""

    name: str
    """Path in the library."""
    start: float
    end: float
    score: float
    motion: MotionAnswer


class SearchAnswer(BaseModel):
    """Recordings, the best first; may be empty."""

    model: ModelInfo
    calibrated: bool
    """Whether scores are probabilities."""
    hits: list[SearchHit]


class JobAnswer(BaseModel):
    """A job and its progress."""

    id: str
    operation: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class ErrorAnswer(BaseModel):
    """A refused request."""

    code: str
    """What kind of refusal it is; the codes are listed in docs/serve.md."""
    detail: str
    """One sentence: what was expected and what was received."""
    field: str | None = None
    """The field of the request that caused it."""
