"""The JSON of requests. Unknown fields are refused, strings are never converted to numbers."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bimotion.models.choices import Sampler
from bimotion.motion.formats.joint_names import NameSet
from bimotion.motion.formats.write_options import OutUnit
from bimotion.server.errors import ApiError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)]
Seed = Annotated[int, Field(ge=0, le=2**53 - 1, description="The same seed gives the same motion.")]
"""At most 2**53 - 1, the largest whole number that every JSON reader keeps exactly."""
Seconds = Annotated[float, Field(gt=0, le=600)]
MotionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$")]
FileFormat = Literal["bvh", "glb", "npy", "npz", "html", "mp4", "gif", "png"]


class Schema(BaseModel):
    """Strict: no unknown fields, no conversion between types, finite numbers."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, use_attribute_docstrings=True
    )


class KeptMotion(Schema):
    """A motion that this server generated or received recently."""

    id: MotionId


class InlineFile(Schema):
    """A file in the request itself."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """File name; its suffix determines the format."""
    data: str
    """Contents in base64."""

    def contents(self, max_bytes: int, field: str) -> bytes:
        """The bytes of the file.

        Raises:
            ApiError: they are not base64, or too many.
        """
        if len(self.data) > 4 * (max_bytes // 3 + 1):
            raise ApiError("too_large", f"{field}: expected at most {max_bytes} bytes", field=field)
        try:
            return base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(
                "invalid_request", f"{field}.data: expected base64", field=f"{field}.data"
            ) from None


MotionSource = KeptMotion | InlineFile
"""A motion of a request."""


class SamplingRequest(Schema):
    """How motion is sampled."""

    seed: Seed | None = None
    """Random seed; drawn and named in the answer when not given."""
    guidance_scale: Annotated[float, Field(ge=0, le=100)] | None = None
    """Classifier-free guidance; the model's when not given."""
    steps: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Sampling steps; the model's when not given."""
    sampler: Sampler | None = None
    """Diffusion sampler; the model's when not given."""

    def settings(self) -> dict[str, Any]:
        """The settings as arguments of the model's methods, without the seed."""
        return self.model_dump(include={"guidance_scale", "steps", "sampler"})


class GenerateRequest(SamplingRequest):
    """A sentence to turn into motion."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "a person waves with the right hand", "seed": 0}]}
    )

    text: Text
    """What the person does."""
    seconds: Annotated[float, Field(gt=0, le=600)] | None = None
    """Length; from the sentence or predicted when not given."""
    variants: Annotated[int, Field(ge=1, le=100)] = 1
    """Motions to generate; variant i has the seed `seed + i`."""
    best: Annotated[int, Field(ge=1, le=100)] | None = None
    """Candidates for each motion, of which the one is kept that fulfils the sentence best; the model's number when not
    given."""
    clean: bool = True
    """Constant bone lengths, locked standing feet, nothing below the floor."""
    check: bool = True
    """Caption and score each motion."""
    exact: bool = False
    """Compute alone where a batch would change the last bits: on a GPU, or without the compiled kernels."""


class PhraseRequest(Schema):
    """A phrase of a timeline."""

    text: Text
    seconds: Seconds | None = None


class ComposeRequest(SamplingRequest):
    """Phrases that follow each other in one motion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"phrases": [{"text": "a person walks", "seconds": 3}, {"text": "sits down"}], "seed": 0}
            ]
        }
    )

    phrases: Annotated[list[PhraseRequest], Field(min_length=1, max_length=1000)]
    clean: bool = True
    check: bool = True
    """Caption and score the motion of each phrase."""


class CaptionRequest(Schema):
    """A motion to caption."""

    motion: MotionSource


class PredictRequest(SamplingRequest):
    """A motion to continue."""

    motion: MotionSource
    seconds: Seconds = 2.0
    """Length of the new motion."""


class InbetweenRequest(SamplingRequest):
    """Two motions to join by generated motion."""

    first: MotionSource
    last: MotionSource
    seconds: Seconds = 1.0
    """Length of the gap."""
    fixed_end: bool = False
    """Keep the position of the second motion."""


class WrittenFile(Schema):
    """How a motion is written to a file."""

    names: NameSet = "smpl"
    """Joint names (.bvh, .glb)."""
    unit: OutUnit = "m"
    """Unit of lengths (.bvh)."""
    fps: Annotated[float, Field(ge=1, le=240)] | None = None
    """Frame rate to resample to; the clip's when not given."""
    in_place: bool = False
    """Remove horizontal root translation."""
    root_bone: bool = False
    """Add a root bone on the floor with the path and heading (.bvh, .glb)."""
    start: Annotated[float, Field(ge=0, le=86_400)] | None = None
    """Start of the written part, seconds."""
    end: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """End of the written part, seconds."""
    contacts: bool = False
    """Highlight feet that touch the floor (.mp4, .gif)."""


class FileQuery(WrittenFile):
    """`WrittenFile` as the query of an address, whose strings are converted to numbers."""

    model_config = ConfigDict(strict=False)

    format: FileFormat = "bvh"


class ConvertRequest(WrittenFile):
    """A motion to write as a file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"motion": {"id": "AAAAAAAAAAAAAAAA"}, "format": "bvh", "unit": "cm"}]
        }
    )

    motion: MotionSource
    format: FileFormat


class RetargetRequest(Schema):
    """Motions to put on a character."""

    motions: Annotated[list[MotionSource], Field(min_length=1, max_length=16)]
    character: InlineFile


class SearchRequest(Schema):
    """A search of the library, by a sentence or by a motion as an example."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "a person jumps", "count": 5}]})

    text: Text | None = None
    motion: MotionSource | None = None
    count: Annotated[int, Field(ge=1, le=20)] = 10
    min_score: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Lowest score of a hit; 0.5 for sentences, where scores are probabilities, and none for motions."""
    min_seconds: Annotated[float, Field(ge=0)] | None = None
    """Shortest recording."""
    max_seconds: Annotated[float, Field(ge=0)] | None = None
    """Longest recording."""
    min_speed: Annotated[float, Field(ge=0)] | None = None
    """Lowest mean horizontal speed of the piece, m/s."""
    max_speed: Annotated[float, Field(ge=0)] | None = None
    """Highest mean horizontal speed of the piece, m/s."""
    side: Literal["left", "right"] | None = None
    """Side that performs the activity of the sentence; without one, the hand that moves more."""


class JobRequest(Schema):
    """An operation to run in the background."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"operation": "generate", "request": {"text": "a person bows"}}]}
    )

    operation: Literal["generate", "compose", "caption", "predict", "inbetween", "search"]
    request: dict[str, Any]
    """The body of that operation."""
