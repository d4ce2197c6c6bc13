"""The motion of a target character's nodes, while it is retargeted.

T frames, N nodes of the character; lengths in the character's unit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.character import Character
from bimotion.motion.rotations import quat_multiply, quat_rotate


@dataclass
class NodeMotion:
    """How a character's nodes move."""

    rotations: dict[int, Float[np.ndarray, "T 4"]]
    """World rotations of the nodes that are driven; all others keep their rotation against their parent."""
    hips: Float[np.ndarray, "T 3"]
    """World positions of the lowest node of the trunk."""

    def world(self, character: Character) -> tuple[Float[np.ndarray, "T N 3"], Float[np.ndarray, "T N 4"]]:
        """World positions and rotations of all nodes; those above the hips stay where they are."""
        num_frames = len(self.hips)
        positions = np.tile(character.positions, (num_frames, 1, 1))
        rotations = np.tile(character.rotations, (num_frames, 1, 1))
        offsets, local = character.offsets(), character.local_rotations()
        for node in character.order:
            parent = character.parents[node]
            if node in self.rotations:
                rotations[:, node] = self.rotations[node]
            elif parent >= 0:
                rotations[:, node] = quat_multiply(rotations[:, parent], local[node])
            if node == character.trunk[0]:
                positions[:, node] = self.hips
            elif parent >= 0:
                positions[:, node] = positions[:, parent] + quat_rotate(rotations[:, parent], offsets[node])
        return positions, rotations
