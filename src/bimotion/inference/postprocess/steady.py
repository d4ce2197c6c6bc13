"""Slow limbs held steady: the trembling of decoded motion is smoothed where a joint hardly moves.

Decoded motion trembles by some millimetres. In fast motion nobody sees it; an arm that hangs still shakes. How strongly
a joint is smoothed depends on its own speed, as in the 1-euro filter (Casiez et al. 2012), but without its delay: the
whole motion is known.

Legend: T frames, J = 22 joints; metres.
"""

import numpy as np
from jaxtyping import Float

from bimotion.features.layout import FPS
from bimotion.motion.filters import gaussian_filter
from bimotion.motion.skeleton import joint_indices

SIGMA = 2.0
"""Deviation of the smoothing of a joint at rest, in frames."""

SLOW = 0.3
"""Speed relative to the pelvis at which half of the smoothing is left, m/s."""

(PELVIS,) = joint_indices("pelvis")


def steady_limbs(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T J 3"]:
    """The motion with joints smoothed about the pelvis where they are slow; the pelvis stays as it is."""
    if len(joints) < 2:
        return joints
    pelvis = joints[:, [PELVIS]].astype(np.float64)
    about = joints - pelvis
    smooth = gaussian_filter(about, SIGMA, "nearest")
    speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * FPS
    speed = np.sqrt(gaussian_filter(speed**2, SIGMA, "nearest"))
    weight = 1 / (1 + (speed / SLOW) ** 2)
    return np.asarray(pelvis + about + weight[..., None] * (smooth - about), joints.dtype)
