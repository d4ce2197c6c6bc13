"""MMCP, the vendor-neutral motion protocol: its clients, such as Proscenium for Blender, drive bimotion under /mmcp.

Text segments become one motion on our skeleton of 22 joints; constraints and retargeting are refused by the SDK, which
reads them in the capabilities.

Source: motionmcp-sdk, protocol 1.4.
"""

import math
from functools import partial

import numpy as np
from fastapi import FastAPI
from jaxtyping import Float
from motionmcp.backbone import Backbone, ModelSpec, MotionResult
from motionmcp.errors import ProtocolError
from motionmcp.schemas import GenerateRequest, Skeleton
from motionmcp.server import build_app

from bimotion.features.layout import FPS
from bimotion.inference.model import MotionLanguageModel
from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS
from bimotion.server.engine import Watch
from bimotion.server.errors import ApiError
from bimotion.server.generate import generate_clips
from bimotion.server.operations import compose_clip
from bimotion.server.requests import ComposeRequest, PhraseRequest
from bimotion.server.requests import GenerateRequest as SentenceRequest
from bimotion.server.service import Service, drawn_seed

MODEL_ID = "bimotion"
"""The model's name in the protocol."""

UNCONDITIONED = "a person moves"
"""Sentence of a segment without one."""

_CODES = {
    "not_ready": "model_unavailable",
    "queue_full": "rate_limited",
    "timeout": "timeout",
    "internal": "internal_error",
}


def mmcp_app(service: Service) -> FastAPI:
    """The protocol's application, to be mounted in the server's."""
    app = build_app({MODEL_ID: BimotionBackbone(service)})
    offered = ("/capabilities", "/generate")  # the SDK's own reference pages load scripts from elsewhere
    app.router.routes = [route for route in app.router.routes if getattr(route, "path", "") in offered]
    return app


class BimotionBackbone(Backbone):
    """The server's model behind the protocol."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def capabilities(self) -> ModelSpec:
        """What the model can do.

        Raises:
            ProtocolError: it is not loaded yet.
        """
        model, limits = self._model(), self._service.limits
        clip_seconds = model.max_frames / FPS
        return ModelSpec.model_validate(
            {
                "id": MODEL_ID,
                "fps": float(FPS),
                "canonical_skeleton": _skeleton(self._service.offsets),
                "supported_segments": ["text", "unconditioned"],
                "native_clip_seconds": clip_seconds,
                "chunking": "stitched",
                "recommended_max_duration_seconds": min(3 * clip_seconds, limits.max_new_seconds),
                "limits": {
                    "max_duration_seconds": limits.max_new_seconds,
                    "max_num_samples": limits.max_variants,
                    "max_constraints_per_request": 0,
                    "max_prompt_length": limits.max_text_chars,
                    "max_batch_size": limits.max_batch,
                },
            }
        )

    async def generate(self, request: GenerateRequest) -> MotionResult:
        """The motion of a request that the SDK has checked.

        Raises:
            ProtocolError: the model cannot generate it.
        """
        self._model()
        if [joint.name for joint in request.skeleton.joints] != list(JOINT_NAMES):
            raise ProtocolError(
                "retargeting_unsupported", "expected the canonical skeleton of the capabilities"
            )
        try:
            clips = await self._service.timed(
                "mmcp", partial(self._clips, request), Watch(), self._service.limits.request_seconds
            )
        except ApiError as error:
            code = _CODES.get(error.code, "invalid_request")
            raise ProtocolError(code, error.detail, {"code": error.code}) from None
        frames, fps = request.total_frames, request.fps(FPS)
        poses = [_pose(clip, frames, fps) for clip in clips]
        return MotionResult(
            rotations=np.stack([rotations for rotations, _ in poses]),
            root_translations=np.stack([root for _, root in poses]),
        )

    async def _clips(self, request: GenerateRequest, watch: Watch) -> list[Clip]:
        """The samples of a request, at the model's rate."""
        fps, options = request.fps(FPS), request.options
        steps, seed, samples, clean = None, None, 1, True
        if options is not None:
            # The protocol's default number of steps belongs to another model.
            steps = options.diffusion_steps if "diffusion_steps" in options.model_fields_set else None
            seed, samples, clean = options.seed, options.num_samples, options.post_processing
        # The last frame of the request must lie within the motion.
        seconds = [math.ceil(segment.duration_frames / fps * FPS) / FPS for segment in request.segments]
        texts = [getattr(segment, "prompt", UNCONDITIONED) for segment in request.segments]
        seed = drawn_seed(seed)
        if len(texts) == 1:
            sentence = SentenceRequest(
                text=texts[0],
                seconds=seconds[0],
                seed=seed,
                variants=samples,
                steps=steps,
                clean=clean,
                check=False,
            )
            return list(await generate_clips(self._service, sentence, watch))
        phrases = [
            PhraseRequest(text=text, seconds=length) for text, length in zip(texts, seconds, strict=True)
        ]
        clips: list[Clip] = []
        for sample in range(samples):
            composed = ComposeRequest(phrases=phrases, seed=seed + sample, steps=steps, clean=clean)
            clips.append(await compose_clip(self._service, composed, watch))
        return clips

    def _model(self) -> MotionLanguageModel:
        try:
            return self._service.model
        except ApiError as error:
            raise ProtocolError("model_unavailable", error.detail) from None


def _pose(
    clip: Clip, frames: int, fps: float
) -> tuple[Float[np.ndarray, "T 22 4"], Float[np.ndarray, "T 3"]]:
    """Local rotations (x, y, z, w) and root positions of so many frames; a shorter clip holds its last one."""
    pose = clip_to_pose(clip)
    if fps != clip.fps:
        pose = pose.resample(clip.fps, fps)
    index = np.minimum(np.arange(frames), len(pose.root) - 1)
    return pose.rotations[index][..., [1, 2, 3, 0]], pose.root[index]


def _skeleton(offsets: Float[np.ndarray, "22 3"]) -> Skeleton:
    """Our 22 joints in the T-pose."""
    joints = []
    for name, parent, offset in zip(JOINT_NAMES, PARENTS, offsets.tolist(), strict=True):
        joints.append(
            {
                "name": name,
                "parent": JOINT_NAMES[parent] if parent >= 0 else None,
                "rest_translation": offset if parent >= 0 else (0.0, _hip_height(offsets), 0.0),
                "rest_rotation": (0.0, 0.0, 0.0, 1.0),
            }
        )
    return Skeleton.model_validate({"joints": joints})


def _hip_height(offsets: Float[np.ndarray, "22 3"]) -> float:
    """Height of the pelvis over the lowest joint in the T-pose."""
    height = np.zeros(len(PARENTS))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        height[joint] = height[parent] + offsets[joint, 1]
    return float(-height.min())
