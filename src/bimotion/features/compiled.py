"""`encode_clip` by the small C library that is compiled at installation; `available` says whether it exists.

The features are those of numpy to the last bit. Legend: T frames.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.features import layout
from bimotion.features.decode import features_to_root
from bimotion.features.encode import TURNED_WITH, check_joints, half_turn, unit_facing
from bimotion.features.mirror import symmetric_skeleton
from bimotion.features.smooth import gaussian_smooth
from bimotion.motion.clip import heading
from bimotion.motion.skeleton import FACE_JOINTS, NUM_JOINTS, PARENTS, RAW_OFFSETS
from bimotion.storage.c_library import load_c_library

_LIBRARY = Path(__file__).parent / "libencode.so"
_BODY = np.dtype(
    [
        ("rest", "f8", (NUM_JOINTS - 1, 3)),
        ("length", "f8", NUM_JOINTS),
        ("contact_threshold", "f8"),
        ("parent", "i4", NUM_JOINTS),
        ("turned_with", "i4", NUM_JOINTS - 1),
        ("leg", "i4", 2),
        ("facing", "i4", 4),
        ("ik_facing", "i4", 4),
        ("contact", "i4", 4),
        ("at_root", "i4", 5),
    ],
    align=True,
)
"""`Body` of encode.c."""


@cache
def _library() -> ctypes.CDLL | None:
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return load_c_library(
        _LIBRARY,
        {
            "bimotion_place": (pointer, number, *[pointer] * 4),
            "bimotion_features": (*[pointer] * 4, number, pointer, pointer),
            "bimotion_turn": (*[pointer] * 5, number, pointer, pointer),
        },
    )


def available() -> bool:
    """Whether the library was compiled for this machine."""
    return _library() is not None


def encode(held: Float[np.ndarray, "T 22 3"], smoothing: float) -> Float[np.ndarray, "T-2 263"]:
    """`encode_clip` of joints whose last frame is there twice.

    Raises:
        MotionFileError: as in `joints_to_features`.
    """
    library = _library()
    assert library is not None
    check_joints(held, np, sized=True)
    held = np.ascontiguousarray(held, np.float64)
    count, body = len(held), _body().ctypes.data
    points, bones, ahead = (
        np.empty((count, NUM_JOINTS, 3)),
        np.empty((count, NUM_JOINTS - 1, 3)),
        np.empty((count, 2)),
    )
    library.bimotion_place(_at(held), count, body, _at(points), _at(bones), _at(ahead))
    x, z = gaussian_smooth(np.ascontiguousarray(ahead.T)[:, None], layout.FORWARD_SIGMA, np)[:, 0]
    cos, sin = unit_facing(x, z, np)
    cos[0], sin[0] = 1, 0
    features = np.empty((count - 1, layout.FEATURE_DIM))
    library.bimotion_features(_at(points), _at(bones), _at(cos), _at(sin), count, body, _at(features))
    features[:, 0] = half_turn((cos[:-1], sin[:-1]), (cos[1:], sin[1:]), np)
    return _turned(library, features, smoothing)


def _turned(
    library: ctypes.CDLL, features: Float[np.ndarray, "T 263"], smoothing: float
) -> Float[np.ndarray, "T-1 263"]:
    """`clip_encoding.turn_roots` without the last row."""
    angle, root = features_to_root(features)
    smooth = gaussian_smooth(heading(_facing_joints(features, angle, root)), smoothing, np)
    turn, about_root = angle - smooth, -angle - smooth
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.empty((len(features) - 1, layout.FEATURE_DIM), np.float32)
    arrays = (features, cos, sin, np.cos(about_root), np.sin(about_root))
    library.bimotion_turn(*map(_at, arrays), len(turned), _body().ctypes.data, _at(turned))
    turned[:, 0] = -np.diff(smooth) / 2
    x, z = features[:-1, layout.ROOT_XZ_VEL].T
    turned[:, 1], turned[:, 2] = x * cos[1:] + z * sin[1:], z * cos[1:] - x * sin[1:]
    return turned


def _facing_joints(
    features: Float[np.ndarray, "T 263"], angle: Float[np.ndarray, " T"], root: Float[np.ndarray, "T 2"]
) -> Float[np.ndarray, "T 22 3"]:
    """`features_to_joints`, of the joints only that a heading is computed from."""
    joints = np.zeros((len(features), NUM_JOINTS, 3))
    columns = layout.RIC.start + 3 * (np.array(FACE_JOINTS) - 1)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, z = features[:, columns], features[:, columns + 2]
    joints[:, FACE_JOINTS, 0] = x * cos + z * sin + root[:, :1]
    joints[:, FACE_JOINTS, 2] = z * cos - x * sin + root[:, 1:]
    return joints


@cache
def _body() -> np.ndarray:
    body = np.zeros((), _BODY)
    body["rest"] = RAW_OFFSETS[1:]
    offsets = symmetric_skeleton().astype(np.float64)
    body["length"] = np.sqrt((offsets * offsets).sum(-1))
    body["contact_threshold"] = layout.CONTACT_THRESHOLD
    body["parent"] = PARENTS
    body["turned_with"] = TURNED_WITH
    body["leg"] = layout.LEG_JOINTS
    body["facing"], body["ik_facing"] = FACE_JOINTS, layout.IK_FACE_JOINTS
    body["contact"] = layout.CONTACT_JOINTS
    body["at_root"] = layout.ROOT_BONES
    return body


def _at(array: np.ndarray) -> int:
    assert array.flags.c_contiguous
    return array.ctypes.data
