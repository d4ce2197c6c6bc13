"""SMPL parameters as in AMASS (.npz): `poses`, `trans`, `mocap_framerate`, with the world's Z up.

AMASS has rotations only: the person's own proportions need a body model of the `smplx` package, in a folder that the
user provides. Without one, SMPL's mean skeleton is used. Files that bimotion writes contain the skeleton
(`rest_joints`).

Source: Mahmood et al. 2019, AMASS; Loper et al. 2015, SMPL.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.frame_rate import FASTEST, SLOWEST, check_rate
from bimotion.motion.formats.layouts import POSITION_KEYS, is_position_layout, positions_from_array
from bimotion.motion.formats.named_arrays import NamedMotion, named_layout, named_motion
from bimotion.motion.formats.npy import DEFAULT_FPS
from bimotion.motion.formats.text import printable
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import clip_rotations, clip_to_pose, forward_kinematics
from bimotion.motion.rotations import (
    Z_UP_TO_Y_UP,
    axis_angle_to_quat,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    quat_to_axis_angle,
)
from bimotion.motion.skeleton import NUM_JOINTS, PARENTS, joint_indices
from bimotion.storage.arrays import read_arrays
from bimotion.storage.atomic import atomic_path

_SMPL_PELVIS = np.array([-0.0018, -0.2233, 0.0282])
"""SMPL's mean pelvis in the body model's coordinates; `trans` moves the model's origin, not the pelvis."""

MEAN_JOINTS: Float[np.ndarray, "22 3"] = np.array(
    [
        (-0.0018, -0.2233, 0.0282),
        (0.0677, -0.3147, 0.0214),
        (-0.0695, -0.3139, 0.0239),
        (-0.0043, -0.1144, 0.0015),
        (0.1020, -0.6899, 0.0169),
        (-0.1078, -0.6964, 0.0150),
        (0.0011, 0.0208, 0.0026),
        (0.0884, -1.0877, -0.0268),
        (-0.0920, -1.0948, -0.0273),
        (0.0026, 0.0737, 0.0280),
        (0.1148, -1.1437, 0.0925),
        (-0.1174, -1.1430, 0.0961),
        (-0.0002, 0.2877, -0.0148),
        (0.0815, 0.1955, -0.0060),
        (-0.0791, 0.1926, -0.0106),
        (0.0050, 0.3526, 0.0365),
        (0.1724, 0.2260, -0.0149),
        (-0.1752, 0.2251, -0.0197),
        (0.4320, 0.2132, -0.0424),
        (-0.4289, 0.2118, -0.0411),
        (0.6813, 0.2222, -0.0435),
        (-0.6842, 0.2196, -0.0467),
    ]
)
"""Joints of SMPL's mean neutral body in its rest pose, metres, in the body model's coordinates."""

_KINDS = "fiuUS"
"""Kinds of arrays in archives: numbers, and the gender as text."""

_NUM_SMPLH_JOINTS = 52
MAX_ANGLE = 1e4
"""Largest value in `poses`: radians, some thousand turns."""
_Y_UP_TO_Z_UP = quat_conjugate(Z_UP_TO_Y_UP)
_MODELS = {156: "smplh", 165: "smplx", 72: "smpl"}
"""Body models by the width of `poses`; their first 22 joints are the same."""


def write_npz(clip: Clip, path: str | Path, options: WriteOptions | None = None) -> None:
    """Write SMPL-H parameters: poses (T, 156) with flat hands, trans, mocap_framerate, betas 0, gender neutral.

    `rest_joints` (22, 3) is the clip's own skeleton.
    """
    options = options or WriteOptions()
    clip = options.edit(clip)
    pose, fps = clip_to_pose(clip), options.fps or clip.fps
    if fps != clip.fps:
        pose = pose.resample(clip.fps, fps)
    rotations = pose.rotations.copy()
    rotations[:, 0] = quat_multiply(_Y_UP_TO_Z_UP, rotations[:, 0])
    poses = np.zeros((len(rotations), _NUM_SMPLH_JOINTS, 3))
    poses[:, :NUM_JOINTS] = quat_to_axis_angle(rotations)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            poses=poses.reshape(len(poses), -1),
            trans=quat_rotate(_Y_UP_TO_Z_UP, pose.root) - _SMPL_PELVIS,
            mocap_framerate=np.array(fps),
            betas=np.zeros(16),
            gender=np.array("neutral"),
            rest_joints=pose.rest() + _SMPL_PELVIS,
        )


@dataclass(frozen=True)
class ArrayMotion:
    """A motion from an archive of arrays, before units and axes are settled."""

    clip: Clip
    in_metres: bool
    """Whether lengths are metres and Y is up because the format says so."""
    notes: tuple[str, ...] = ()


def read_npz(
    path: str | Path, body_model: str | Path | None = None, rate: float | None = None
) -> ArrayMotion | NamedMotion:
    """The motion of an archive: positions under one of `layouts.POSITION_KEYS`, or SMPL parameters.

    Raises:
        MotionFileError: the archive holds neither.
    """
    path = Path(path)
    arrays = read_arrays(path, MotionFileError, kinds=_KINDS)
    if "poses" in arrays and "trans" in arrays and arrays["poses"].ndim == 2:
        return _read_smpl(arrays, path, body_model, rate)
    key = next((key for key in POSITION_KEYS if key in arrays), None)
    notes: tuple[str, ...] = ()
    if key is None:
        fitting = [key for key, array in arrays.items() if is_position_layout(array) or named_layout(array)]
        if len(fitting) != 1:
            names = ", ".join(printable(name, 40) for name in sorted(arrays)[:20])
            raise MotionFileError(
                f"{path}: expected AMASS's `poses` and `trans`, or positions `joints` (frames, 22, 3); "
                f"got {names or 'no arrays'}"
            )
        key = fitting[0]
        notes = (f"positions are taken from {printable(key, 40)!r}",)
    named = named_motion(arrays[key], _rate(arrays, path, 0.0, rate) or None, f"{path}: {key}")
    if named is not None:
        return named
    positions = positions_from_array(arrays[key], f"{path}: {key}")
    fps = _rate(arrays, path, DEFAULT_FPS, rate)
    return ArrayMotion(Clip(positions.astype(np.float32), fps, name=path.stem), False, notes)


def _read_smpl(
    arrays: dict[str, np.ndarray], path: Path, body_model: str | Path | None, rate: float | None
) -> ArrayMotion:
    poses, trans = arrays["poses"], arrays["trans"]
    num_frames = len(poses)
    shapes_fit = num_frames and poses.shape[1] >= NUM_JOINTS * 3 and trans.shape == (num_frames, 3)
    if not shapes_fit or poses.dtype.kind != "f" or trans.dtype.kind != "f":
        raise MotionFileError(
            f"{path}: expected poses of shape (frames, {NUM_JOINTS * 3} or more) and trans (frames, 3), "
            f"got {poses.shape} and {trans.shape}"
        )
    if not (np.isfinite(poses).all() and np.isfinite(trans).all()):
        raise MotionFileError(f"{path}: poses or trans have a value that is not finite")
    notes: tuple[str, ...] = ()
    in_metres = True
    if "rest_joints" in arrays:
        rest, in_metres = _stored_rest(arrays["rest_joints"], num_frames, path)
    elif body_model is None:
        rest = MEAN_JOINTS
        notes = (
            "no body model: SMPL's mean skeleton is used; for the person's own proportions give the folder of the "
            "smplx models with --body-model",
        )
    else:
        rest = _body_joints(arrays, path, body_model)
    if in_metres and np.abs(trans).max() > 500:
        raise MotionFileError(
            f"{path}: trans reaches {np.abs(trans).max():.4g}; expected metres. Scale it, by 0.001 from millimetres"
        )
    if np.abs(poses).max() > MAX_ANGLE:
        raise MotionFileError(f"{path}: poses reach {np.abs(poses).max():.4g}; expected radians")
    rotations = axis_angle_to_quat(
        poses[:, : NUM_JOINTS * 3].reshape(num_frames, NUM_JOINTS, 3).astype(np.float64)
    )
    rotations[:, 0] = quat_multiply(Z_UP_TO_Y_UP, rotations[:, 0])
    root = quat_rotate(Z_UP_TO_Y_UP, trans + rest[..., 0, :])
    offsets = rest - rest[..., np.maximum(PARENTS, 0), :]
    joints = forward_kinematics(rotations, root, offsets)
    fps = _rate(arrays, path, None, rate)
    clip = Clip(joints, fps, clip_rotations(rotations), name=path.stem)
    return ArrayMotion(clip, in_metres, notes)


def _stored_rest(
    stored: np.ndarray, num_frames: int, path: Path
) -> tuple[Float[np.ndarray, "*T 22 3"], bool]:
    """Rest joints from a file that bimotion wrote, and whether they are of a person's size in metres."""
    if stored.dtype.kind not in "fiu" or stored.shape not in ((NUM_JOINTS, 3), (num_frames, NUM_JOINTS, 3)):
        raise MotionFileError(f"{path}: rest_joints must be ({NUM_JOINTS}, 3), got {stored.shape}")
    rest = stored.astype(np.float64)
    if not np.isfinite(rest).all():
        raise MotionFileError(f"{path}: rest_joints have a value that is not finite")
    hip, ankle = joint_indices("left_hip", "left_ankle")
    legs = np.linalg.norm(rest[..., ankle, :] - rest[..., hip, :], axis=-1)
    return rest, bool(0.2 < np.median(legs) < 2.5)


def _rate(arrays: dict[str, np.ndarray], path: Path, default: float | None, rate: float | None) -> float:
    if rate is not None:
        return check_rate(rate, str(path))
    for key in ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate", "framerate"):
        if key in arrays and arrays[key].size == 1 and arrays[key].dtype.kind in "fiu":
            fps = float(arrays[key].reshape(()))
            if not SLOWEST <= fps <= FASTEST:
                raise MotionFileError(
                    f"{path}: {key} is {fps:g}; expected {SLOWEST:g} to {FASTEST:g} frames per second; give the true "
                    "rate with --rate"
                )
            return fps
    if default is None:
        raise MotionFileError(
            f"{path}: no frame rate: expected one number as `mocap_framerate`; give the rate with --rate"
        )
    return default


def _body_joints(
    arrays: dict[str, np.ndarray], path: Path, body_model: str | Path
) -> Float[np.ndarray, "22 3"]:
    """Joints in the rest pose of the body that the file describes."""
    gender = str(arrays["gender"].reshape(-1)[0]) if arrays.get("gender", np.empty(0)).size else "neutral"
    gender = gender.removeprefix("b'").rstrip("'").lower()
    file = _find_model(Path(body_model), _MODELS.get(arrays["poses"].shape[1], "smplh"), gender)
    model = read_arrays(file, MotionFileError, names=("v_template", "J_regressor", "shapedirs"))
    try:
        template, regressor = model["v_template"], model["J_regressor"][:NUM_JOINTS]
        betas = np.asarray(arrays.get("betas", np.empty(0)), dtype=np.float64).reshape(-1)
        shapes = model["shapedirs"][..., : len(betas)]
        body = template + shapes @ betas[: shapes.shape[-1]]
        joints = np.asarray(regressor @ body, dtype=np.float64)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise MotionFileError(f"{file}: not an smplx body model: {error}") from None
    if joints.shape != (NUM_JOINTS, 3) or not np.isfinite(joints).all():
        raise MotionFileError(f"{file}: not an smplx body model: its joints have the shape {joints.shape}")
    return joints


def _find_model(folder: Path, kind: str, gender: str) -> Path:
    """The model of a kind and gender, else of the same kind, else any, else an error."""
    if folder.is_file() and folder.suffix == ".npz":
        return folder
    if not folder.is_dir():
        raise MotionFileError(f"{folder}: no such folder of body models")
    found = sorted(p for p in folder.rglob("*.npz") if len(p.relative_to(folder).parts) <= 3)

    def rank(file: Path) -> tuple[bool, bool, bool]:
        words = "_".join(file.relative_to(folder).with_suffix("").parts).lower().split("_")
        # "male" must not be found in "female"
        return kind in words, gender in words, "neutral" in words

    if not found:
        pickles = any(folder.rglob("*.pkl"))
        raise MotionFileError(
            f"{folder}: no body model (.npz) in it"
            + (
                "; .pkl files run code when they are read and are not read: convert them to .npz"
                if pickles
                else ""
            )
        )
    return max(found, key=rank)
