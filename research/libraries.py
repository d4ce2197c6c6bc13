"""Our rotations and glTF container against libraries that could replace them: speed, and what is lost.

    python -m research.libraries          (needs pip install pygltflib)

Rotations are those of 200 frames of 22 joints, in float64. Times are CPU time, the best of 30.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pygltflib
from scipy.spatial.transform import Rotation

from bimotion.motion import rotations
from bimotion.motion.clip import Clip
from bimotion.motion.formats.gltf import write_glb
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.skeleton import PARENTS, REST_OFFSETS


def best_ms(work: Callable[[], object], count: int = 30) -> float:
    """CPU time of a call, milliseconds."""
    work()
    durations = []
    for _ in range(count):
        begun = time.process_time()
        work()
        durations.append(time.process_time() - begun)
    return 1000 * min(durations)


def scipy_rotations(q: np.ndarray) -> Rotation:
    """Quaternions (..., w x y z) as one flat `Rotation`."""
    return Rotation.from_quat(np.roll(q.reshape(-1, 4), -1, -1))


def scipy_quaternions(rotation: Rotation, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `scipy_rotations`."""
    return np.roll(rotation.as_quat(), 1, -1).reshape(shape)


def compare_rotations() -> None:
    """Print the time of each function, ours and scipy's."""
    rng = np.random.default_rng(0)
    a, b = (rotations.quat_normalise(rng.normal(size=(200, 22, 4))) for _ in range(2))
    v, m = rng.normal(size=(200, 22, 3)), rotations.quat_to_matrix(a)
    flat = m.reshape(-1, 3, 3)
    rows: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        (
            "multiply",
            lambda: rotations.quat_multiply(a, b),
            lambda: scipy_quaternions(scipy_rotations(a) * scipy_rotations(b), a.shape),
        ),
        (
            "rotate",
            lambda: rotations.quat_rotate(a, v),
            lambda: scipy_rotations(a).apply(v.reshape(-1, 3)).reshape(v.shape),
        ),
        (
            "to matrices",
            lambda: rotations.quat_to_matrix(a),
            lambda: scipy_rotations(a).as_matrix().reshape(m.shape),
        ),
        (
            "from matrices",
            lambda: rotations.matrix_to_quat(m),
            lambda: scipy_quaternions(Rotation.from_matrix(flat), a.shape),
        ),
        (
            "to Euler angles",
            lambda: rotations.matrix_to_euler(m, "zyx"),
            lambda: Rotation.from_matrix(flat).as_euler("ZYX").reshape(v.shape),
        ),
        (
            "from Euler angles",
            lambda: rotations.euler_to_quat(v, "zxy"),
            lambda: scipy_quaternions(Rotation.from_euler("ZXY", v.reshape(-1, 3)), a.shape),
        ),
    ]
    for name, own_work, scipy_work in rows:
        print(f"{name:18} {best_ms(own_work):6.2f} ms   scipy {best_ms(scipy_work):6.2f} ms")


def compare_gltf(folder: Path) -> None:
    """Print times of reading and writing a .glb, and fields that pygltflib drops."""
    joints = np.zeros((200, 22, 3), np.float32)
    joints[:, 0, 1] = 0.95
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[:, joint] = joints[:, parent] + REST_OFFSETS[joint]
    path, copy = folder / "clip.glb", folder / "copy.glb"
    write_glb(Clip(joints, 20, caption="a person stands"), path)
    file = GltfFile.load(path)
    library = pygltflib.GLTF2().load(str(path))
    print(f"glTF read          {best_ms(lambda: GltfFile.load(path)):6.2f} ms   ", end="")
    print(f"pygltflib {best_ms(lambda: pygltflib.GLTF2().load(str(path))):6.2f} ms")
    print(f"glTF write         {best_ms(lambda: file.save(copy)):6.2f} ms   ", end="")
    print(f"pygltflib {best_ms(lambda: library.save(str(copy))):6.2f} ms")
    before, after = file.document["extras"], GltfFile.load(copy).document.get("extras", {})
    print("extras that pygltflib drops:", json.dumps({k: v for k, v in before.items() if k not in after}))


if __name__ == "__main__":
    compare_rotations()
    with TemporaryDirectory() as name:
        compare_gltf(Path(name))
