"""Sample motions of a run, for inspection during training."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.training.folders import replaced_folder


def write_samples(joints: dict[str, Float[np.ndarray, "_ 22 3"]], folder: Path, *, fps: float) -> None:
    """Write joint positions by name (a caption, say) to `samples.npz` and a page that plays them."""
    from bimotion.motion.clip import Clip
    from bimotion.render.page import write_page

    with replaced_folder(folder) as partial:
        names = {name: re.sub(r"\W+", "_", name).strip("_")[:60] for name in joints}
        arrays = {
            f"{i:02d}_{names[name]}": values.astype(np.float32)
            for i, (name, values) in enumerate(joints.items())
        }
        np.savez_compressed(partial / "samples.npz", allow_pickle=False, **arrays)
        clips = [Clip(values.astype(np.float32), fps=fps, caption=name) for name, values in joints.items()]
        write_page(clips, partial / "samples.html", title=folder.name)
