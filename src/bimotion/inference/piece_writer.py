"""Joining the pieces of a composed motion into final frames.

Each piece is blended with the end of the one before and cleaned together with the two seconds before it.

Legend: T frames, K = `OVERLAP` frames, F = 263 feature columns, J = 22 joints.
"""

import numpy as np
from jaxtyping import Float

from bimotion.features import features_to_joints
from bimotion.features.clips import FloorTransform, features_to_clip
from bimotion.features.layout import FEATURE_DIM
from bimotion.inference.constraints import OVERLAP
from bimotion.inference.postprocess.bones import uniform_body, with_bones
from bimotion.inference.postprocess.cleanup import clean_clip
from bimotion.inference.postprocess.feet import plant_feet
from bimotion.inference.steering import Steering
from bimotion.motion.easing import fading_offset, smooth_step

CONTEXT = 40
"""Frames before a new piece that are cleaned again with it, so that the clean-up sees what came before."""

JOIN_FRAMES = 8
"""Frames over which the remaining difference between a cleaned piece and the motion before it fades."""


class PieceWriter:
    """Joins the features of pieces, cleans them with the frames before, and returns frames once they are final."""

    def __init__(self, steering: Steering, *, clean: bool) -> None:
        self.steering, self.clean = steering, clean
        self.tail: Float[np.ndarray, "K 263"] | None = None
        """Features of the frames that are held back for the next piece."""
        self.tail_origin = FloorTransform(0.0, (0.0, 0.0))
        """From the coordinates of the held-back features to those of the motion."""
        self.head: Float[np.ndarray, "K 263"] | None = None
        """Features of the first frames."""
        self.num_final = 0
        """Number of frames that were returned as final."""
        self._head_joints = np.zeros((0, 22, 3), np.float32)
        # The last final frames: their features, and their joints as they were returned.
        self._final_features = np.zeros((0, FEATURE_DIM), np.float32)
        self._final_joints = np.zeros((0, 22, 3), np.float32)

    def add(
        self, features: Float[np.ndarray, "T 263"], *, closes: bool = False
    ) -> Float[np.ndarray, "_ 22 3"]:
        """Take the next piece, which begins with the overlap; returns the frames that became final.

        With `closes` the piece ends with the overlap to the first frames, which are not returned again.
        """
        if self.head is None:
            self.head = features[:OVERLAP]
        if self.tail is not None:
            blended = blend(self.tail, features[:OVERLAP])
            features = np.concatenate([blended, features[OVERLAP:]])
        if closes:
            features = np.concatenate([features[:-OVERLAP], blend(features[-OVERLAP:], self.head)])
        return self._advance(features, final=len(features) - OVERLAP, closes=closes)

    def rest(self) -> Float[np.ndarray, "_ 22 3"]:
        """The frames that were held back."""
        assert self.tail is not None
        return self._advance(self.tail, final=OVERLAP)

    def _advance(
        self, features: Float[np.ndarray, "T 263"], final: int, *, closes: bool = False
    ) -> Float[np.ndarray, "_ 22 3"]:
        known = len(self._final_joints)
        window = np.concatenate([self._final_features, features])
        joints = self._finished(window)
        end = known + final
        if not self.num_final:
            self._head_joints = joints[:OVERLAP]
        if closes:
            joints = self._closed(joints, end)
        done = joints[known:end]
        self.steering.check(done, self.num_final)
        kept = max(0, end - CONTEXT)
        self._final_features, self._final_joints = window[kept:end], joints[kept:end]
        self.tail = window[end:] if final < len(features) else None
        if self.tail is not None:
            self.tail_origin = FloorTransform.between(features_to_joints(self.tail), joints[end:])
        self.num_final += final
        return done

    def _finished(self, features: Float[np.ndarray, "T 263"]) -> Float[np.ndarray, "T 22 3"]:
        """The window's joints: cleaned, continuing the final frames, on the path, with feet planted and keys met."""
        known, first = len(self._final_joints), self.num_final - len(self._final_joints)
        if self.clean:
            joints = clean_clip(features, keep_path=self.steering.in_world).joints
        else:
            joints = features_to_clip(features).joints
        if known:
            joints = _continued(self._final_joints, joints)
            if self.clean:
                joints[known:] = with_bones(joints[known:], uniform_body())
        moved = self.steering.path.corrected(joints, first, known)
        if self.clean and (known or moved is not joints):
            moved = plant_feet(moved, features, fixed=known)
        return self.steering.at_keys(moved, first, known)

    def _closed(self, joints: Float[np.ndarray, "T 22 3"], end: int) -> Float[np.ndarray, "T 22 3"]:
        """The window with its last frames before `end` leading into the first frames of the motion."""
        head = FloorTransform.between(self._head_joints[0], joints[end]).to_world(
            self._head_joints[:2].astype(np.float64)
        )
        out = joints.astype(np.float64)
        num = min(JOIN_FRAMES, end - len(self._final_joints))
        fade = _fading(head[::-1] - out[[end + 1, end]], num)
        out[end - num : end] += fade[::-1]
        if self.clean:
            out[end - num : end] = with_bones(out[end - num : end], uniform_body())
        return out.astype(np.float32)


def _continued(
    final: Float[np.ndarray, "K 22 3"], window: Float[np.ndarray, "T 22 3"]
) -> Float[np.ndarray, "T 22 3"]:
    """The window, which begins with the final frames, moved to where these are.

    What the clean-up changed in them fades over `JOIN_FRAMES`.
    """
    known = len(final)
    moved = FloorTransform.between(window[known - 1], final[-1]).to_world(window.astype(np.float64))
    num = min(JOIN_FRAMES, len(moved) - known)
    moved[known : known + num] += _fading(final[-2:] - moved[known - 2 : known], num)
    moved[:known] = final
    return moved.astype(np.float32)


def _fading(missing: Float[np.ndarray, "2 22 3"], num: int) -> Float[np.ndarray, "n 22 3"]:
    """Offsets of `num` frames that start with the value and rate of two frames before and fade to zero."""
    return fading_offset(missing[1], missing[1] - missing[0], np.arange(1, num + 1), JOIN_FRAMES)


def blend(
    before: Float[np.ndarray, "K 263"], after: Float[np.ndarray, "K 263"]
) -> Float[np.ndarray, "K 263"]:
    """The same frames of two motions, from the first to the second."""
    weight = smooth_step(np.linspace(0, 1, len(before) + 2)[1:-1, None])
    return np.asarray((1 - weight) * before + weight * after, dtype=np.float32)
