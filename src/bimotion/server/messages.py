"""Messages between the server and its worker processes: msgpack in frames of a four-byte length."""

import struct

import msgspec
import numpy as np

from bimotion.motion.clip import Clip

HEADER = struct.Struct("<I")
"""Length of the frame that follows."""


class PackedClip(msgspec.Struct, frozen=True):
    """A clip as bytes."""

    fps: float
    joints: bytes
    rotations: bytes | None
    name: str
    caption: str

    @classmethod
    def of(cls, clip: Clip) -> "PackedClip":
        """The bytes of a clip."""
        rotations = None if clip.rotations is None else clip.rotations.tobytes()
        return cls(clip.fps, clip.joints.tobytes(), rotations, clip.name, clip.caption)

    def clip(self) -> Clip:
        """The clip from the bytes."""
        joints = np.frombuffer(self.joints, np.float32).reshape(-1, 22, 3)
        rotations = None
        if self.rotations is not None:
            rotations = np.frombuffer(self.rotations, np.float32).reshape(-1, 22, 4)
        return Clip(joints, self.fps, rotations, self.name, self.caption)


class ReadFile(msgspec.Struct, frozen=True, tag="read"):
    """Read a motion file."""

    name: str
    data: bytes
    max_frames: int


class WriteFile(msgspec.Struct, frozen=True, tag="write"):
    """Write a clip as a file."""

    clip: PackedClip
    format: str
    options: dict[str, str | float | bool | None]
    """Arguments of `save_clip`."""


class RetargetFile(msgspec.Struct, frozen=True, tag="retarget"):
    """Retarget clips to a character."""

    clips: list[PackedClip]
    name: str
    data: bytes


Task = ReadFile | WriteFile | RetargetFile
"""Tasks of a worker."""


class ReadResult(msgspec.Struct, frozen=True, tag="clip"):
    """A motion that was read, and what had to be assumed."""

    clip: PackedClip
    warnings: list[str]


class FileResult(msgspec.Struct, frozen=True, tag="file"):
    """A file that was written."""

    data: bytes


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """An input that cannot be used."""

    code: str
    detail: str
    field: str | None


Answer = ReadResult | FileResult | Refusal
"""Answers of a worker."""


def pack(message: Task | Answer) -> bytes:
    """A message as a frame."""
    body = msgspec.msgpack.encode(message)
    return HEADER.pack(len(body)) + body
