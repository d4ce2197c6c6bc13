"""Uploads and downloads; worker processes read and write the files."""

import re
from pathlib import PurePath
from urllib.parse import quote

from fastapi import UploadFile
from fastapi.responses import Response

from bimotion.motion.clip import Clip
from bimotion.server.answers import UploadAnswer
from bimotion.server.errors import ApiError
from bimotion.server.requests import ConvertRequest, RetargetRequest
from bimotion.server.service import Service

MEDIA_TYPES = {
    "bvh": "text/plain; charset=utf-8",
    "glb": "model/gltf-binary",
    "npy": "application/octet-stream",
    "npz": "application/octet-stream",
    "html": "application/octet-stream",  # never shown from this origin
    "mp4": "video/mp4",
    "gif": "image/gif",
    "png": "image/png",
}
"""Types of written files, by format."""

MAX_NAME = 200
"""Longest file name of an upload."""


async def read_upload(service: Service, file: UploadFile) -> UploadAnswer:
    """The motion in an uploaded file, which is kept.

    Raises:
        ApiError: it is too large or cannot be read.
    """
    limit = service.limits.max_upload_bytes
    name = PurePath((file.filename or "").replace("\\", "/")).name
    if not 0 < len(name) <= MAX_NAME:
        raise ApiError(
            "invalid_request", f"file: expected a file name of 1 to {MAX_NAME} characters", field="file"
        )
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise ApiError("too_large", f"file: expected at most {limit} bytes", field="file")
    clip, warnings = await service.workers.read(name, data)
    answer = service.keep(clip, "")
    return UploadAnswer(**answer.model_dump() | {"warnings": warnings, "name": name})


async def written_file(service: Service, request: ConvertRequest) -> Response:
    """A motion as a file.

    Raises:
        ApiError: the motion cannot be read, or the format does not support an option.
    """
    clip, _ = await service.clip(request.motion, "motion")
    if request.fps is not None and clip.duration * request.fps > service.limits.max_frames:
        raise ApiError(
            "invalid_request", f"fps: expected at most {service.limits.max_frames} frames in all", field="fps"
        )
    options = request.model_dump(exclude={"motion", "format"})
    data = await service.workers.write(clip, f".{request.format}", options)
    return _file(data, f"{_stem(clip)}.{request.format}", MEDIA_TYPES[request.format])


async def retarget_file(service: Service, request: RetargetRequest) -> Response:
    """A character with motions retargeted to it.

    Raises:
        ApiError: a motion or the character cannot be used.
    """
    character = request.character.contents(service.limits.max_upload_bytes, "character")
    clips = [(await service.clip(each, f"motions.{i}"))[0] for i, each in enumerate(request.motions)]
    data = await service.workers.retarget(clips, request.character.name, character)
    suffix = PurePath(request.character.name).suffix.lower()
    return _file(data, f"{_stem(clips[0])}{suffix}", MEDIA_TYPES.get(suffix[1:], "application/octet-stream"))


def _stem(clip: Clip) -> str:
    """A file name made of the clip's caption or name: letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", (clip.caption or clip.name).lower()).strip("-")[:60] or "motion"


def _file(data: bytes, name: str, media_type: str) -> Response:
    return Response(
        data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{quote(name)}"'}
    )
