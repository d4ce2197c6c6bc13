"""SMPL parameters as AMASS keeps them (.npz): `poses`, `trans`, `mocap_framerate`, with the world's Z up.

AMASS holds rotations only, so that joint positions need a body model of the `smplx` package, in a folder that the
user names. Files that bimotion writes carry the skeleton (`rest_joints`) and need none.

Source: Mahmood et al. 2019, AMASS; Loper et al. 2015, SMPL.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.clip import Clip
from bimotion.motion.formats.npy import DEFAULT_FPS, check_positions, load_npz
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import clip_rotations, clip_to_pose, forward_kinematics
from bimotion.motion.rotations import axis_angle_to_quat, quat_multiply, quat_rotate, quat_to_axis_angle
from bimotion.motion.skeleton import NUM_JOINTS, PARENTS
from bimotion.storage.atomic import atomic_path

_SMPL_PELVIS = np.array([-0.0018, -0.2233, 0.0282])
"""SMPL's mean pelvis in the body model's coordinates; `trans` moves the model's origin, not the pelvis."""

_NUM_SMPLH_JOINTS = 52
_Y_UP_TO_Z_UP = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])
_Z_UP_TO_Y_UP = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0, 0.0])
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


def read_npz(path: str | Path, body_model: str | Path | None = None) -> tuple[Clip, bool]:
    """The clip of an archive, and whether its lengths are known to be metres.

    It holds either positions `joints` (T, 22, 3), with `fps` if not 20, or SMPL parameters.

    Raises:
        MotionFileError: neither, or no body model for SMPL parameters.
    """
    path = Path(path)
    arrays = load_npz(path)
    if "joints" in arrays:
        positions = check_positions(arrays["joints"], path)
        return Clip(positions.astype(np.float32), _rate(arrays, path, DEFAULT_FPS), name=path.stem), False
    if "poses" not in arrays or "trans" not in arrays:
        raise MotionFileError(
            f"{path}: expected AMASS's `poses` and `trans`, or positions `joints` (frames, 22, 3); "
            f"got {', '.join(sorted(arrays)) or 'no arrays'}"
        )
    poses, trans = arrays["poses"], arrays["trans"]
    num_frames = len(poses) if poses.ndim == 2 else 0
    shapes_fit = num_frames and poses.shape[1] >= NUM_JOINTS * 3 and trans.shape == (num_frames, 3)
    if not shapes_fit or poses.dtype.kind != "f" or trans.dtype.kind != "f":
        raise MotionFileError(
            f"{path}: expected poses of shape (frames, {NUM_JOINTS * 3} or more) and trans (frames, 3), "
            f"got {poses.shape} and {trans.shape}"
        )
    if not (np.isfinite(poses).all() and np.isfinite(trans).all()):
        raise MotionFileError(f"{path}: poses or trans hold a number that is not finite")
    if "rest_joints" in arrays:
        rest = arrays["rest_joints"].astype(np.float64)
        if rest.shape not in ((NUM_JOINTS, 3), (num_frames, NUM_JOINTS, 3)) or not np.isfinite(rest).all():
            raise MotionFileError(f"{path}: rest_joints must be ({NUM_JOINTS}, 3), got {rest.shape}")
    else:
        rest = _body_joints(arrays, path, body_model)
    rotations = axis_angle_to_quat(
        poses[:, : NUM_JOINTS * 3].reshape(num_frames, NUM_JOINTS, 3).astype(np.float64)
    )
    rotations[:, 0] = quat_multiply(_Z_UP_TO_Y_UP, rotations[:, 0])
    root = quat_rotate(_Z_UP_TO_Y_UP, trans + rest[..., 0, :])
    offsets = rest - rest[..., np.maximum(PARENTS, 0), :]
    joints = forward_kinematics(rotations, root, offsets).astype(np.float32)
    return Clip(joints, _rate(arrays, path, None), clip_rotations(rotations), name=path.stem), True


def _rate(arrays: dict[str, np.ndarray], path: Path, default: float | None) -> float:
    for key in ("mocap_framerate", "mocap_frame_rate", "fps"):
        if key in arrays and arrays[key].size == 1 and arrays[key].dtype.kind in "fiu":
            rate = float(arrays[key].reshape(()))
            if 0 < rate < 1e5:
                return rate
    if default is None:
        raise MotionFileError(f"{path}: no frame rate: expected one number above 0 as `mocap_framerate`")
    return default


def _body_joints(
    arrays: dict[str, np.ndarray], path: Path, body_model: str | Path | None
) -> Float[np.ndarray, "22 3"]:
    """Joints in the rest pose of the body that the file describes."""
    if body_model is None:
        raise MotionFileError(
            f"{path}: AMASS files hold rotations only; name the folder of the `smplx` body models with --body-model"
        )
    gender = str(arrays["gender"].reshape(-1)[0]) if arrays.get("gender", np.empty(0)).size else "neutral"
    gender = gender.removeprefix("b'").rstrip("'").lower()
    file = _find_model(Path(body_model), _MODELS.get(arrays["poses"].shape[1], "smplh"), gender)
    model = load_npz(file)
    try:
        template, regressor = model["v_template"], model["J_regressor"][:NUM_JOINTS]
        betas = np.asarray(arrays.get("betas", np.empty(0)), dtype=np.float64).reshape(-1)
        shapes = model["shapedirs"][..., : len(betas)]
        body = template + shapes @ betas[: shapes.shape[-1]]
        joints = np.asarray(regressor @ body, dtype=np.float64)
    except (KeyError, ValueError, IndexError) as error:
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
