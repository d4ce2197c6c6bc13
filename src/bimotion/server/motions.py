"""Motions that the server keeps for a while, so that they can be downloaded, captioned or continued by their id."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from bimotion.motion.clip import Clip
from bimotion.server.errors import ApiError


@dataclass(frozen=True)
class StoredMotion:
    """A motion with its id."""

    id: str
    clip: Clip

    @property
    def num_bytes(self) -> int:
        """Memory of its arrays."""
        rotations = 0 if self.clip.rotations is None else self.clip.rotations.nbytes
        return self.clip.joints.nbytes + rotations


class MotionStore:
    """The newest motions, by number and by memory; ids cannot be guessed."""

    def __init__(self, max_motions: int, max_bytes: int) -> None:
        self._max_motions, self._max_bytes = max_motions, max_bytes
        self._motions: OrderedDict[str, StoredMotion] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._motions)

    def add(self, clip: Clip) -> StoredMotion:
        """Store a motion; the oldest ones are dropped if necessary."""
        motion = StoredMotion(secrets.token_urlsafe(12), clip)
        self._motions[motion.id] = motion
        self._bytes += motion.num_bytes
        while len(self._motions) > self._max_motions or (
            self._bytes > self._max_bytes and len(self._motions) > 1
        ):
            _, oldest = self._motions.popitem(last=False)
            self._bytes -= oldest.num_bytes
        return motion

    def get(self, id: str, field: str | None = None) -> Clip:
        """The motion of an id.

        Raises:
            ApiError: there is no such motion, or it was dropped.
        """
        motion = self._motions.get(id)
        if motion is None:
            raise ApiError(
                "not_found", "there is no such motion, or no longer; generate or upload it again", field=field
            )
        self._motions.move_to_end(id)
        return motion.clip
