"""Cache of the frozen VAE's latents of all windows, and of their pieces for prediction and in-betweening.

Shapes: I windows, N latents of a clip, D latent width.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from bimotion.errors import DataError
from bimotion.inference.prediction import CONTEXT_FRAMES
from bimotion.models.vae import MotionVae
from bimotion.storage.atomic import atomic_path
from bimotion.storage.tensor_files import check_shapes, read_tensor_header, read_tensor_metadata, read_tensors
from bimotion.training.clips import ClipPool

logger = logging.getLogger(__name__)

FULL = "full"
"""Name of the piece that covers the whole window."""

SPLITS = (0.2, 0.35, 0.5, 0.65)
"""Cut positions for prediction, as shares of a window's length (published: 0.2)."""

GAPS = ((0.25, 0.75), (0.15, 0.5), (0.5, 0.85))
"""Hidden ranges for in-betweening, as shares of a window's length (published: the first)."""


MIN_SHARE = 1e-3
"""Share of the largest deviation up to which a latent value counts as constant."""


def piece_names(*, completion: bool) -> list[str]:
    """The pieces of a window that are encoded."""
    names = [FULL]
    if completion:
        names += [f"{name}.{i}" for i in range(len(SPLITS)) for name in ("before", "after")]
        names += [f"{name}.{i}" for i in range(len(GAPS)) for name in ("first", "last")]
    return names


def piece_frames(name: str, num_frames: int) -> tuple[int, int]:
    """First frame and number of frames of a piece.

    `before` and `after` a split, `first` and `last` around a gap. A context is cut to the length that
    inference uses, keeping the end next to the target.
    """
    if name == FULL:
        return 0, num_frames
    kind, number = name.split(".")
    if kind in ("before", "after"):
        cut = min(max(int(SPLITS[int(number)] * num_frames), 1), num_frames - 1)
        return (
            (max(cut - CONTEXT_FRAMES, 0), min(cut, CONTEXT_FRAMES))
            if kind == "before"
            else (cut, num_frames - cut)
        )
    begin, end = (int(share * num_frames) for share in GAPS[int(number)])
    if kind == "first":
        return 0, min(max(begin, 1), CONTEXT_FRAMES)
    context = min(max(num_frames - end, 1), CONTEXT_FRAMES)
    return num_frames - context, context


@dataclass(frozen=True)
class Latents:
    """Latents of the windows' pieces, not normalised."""

    mu: dict[str, Float[Tensor, "I N D"]]
    """Means by piece, float16."""
    logvar: Float[Tensor, "I N D"]
    """Log variances of the whole windows, float16."""

    def of(self, name: str, index: int) -> Float[Tensor, "N D"]:
        """The means of one piece of one window."""
        return self.mu[name][index].float()

    def statistics(self) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N D"]]:
        """Mean and standard deviation of the whole windows' latents.

        Numbers that hardly vary, which the VAE does not use, are divided by at least a tenth of the median
        deviation: blown up to unit deviation they would be noise to learn. The median is that of the numbers in use,
        since with fewer windows than numbers most of them may be constant. One window has no deviation: it is divided
        by 1.
        """
        full = self.mu[FULL].float()
        if len(full) < 2:
            return full.mean(0), torch.ones_like(full[0])
        std = full.std(0)
        used = std[std > MIN_SHARE * std.max()]
        return full.mean(0), std.clamp(min=0.1 * float(used.median())) if len(used) else torch.ones_like(std)


def latents_of(
    vae: MotionVae,
    pool: ClipPool,
    path: Path,
    *,
    completion: bool,
    elsewhere: Sequence[Path] = (),
    save: bool = True,
) -> Latents:
    """The latents of the pool's windows: read from `path` or from `elsewhere` if they match, else computed.

    Latents that were computed or found elsewhere are saved at `path`.
    """
    mark = fingerprint(vae, pool, completion=completion)
    names = piece_names(completion=completion)
    for candidate in (path, *elsewhere):
        found = _read(candidate, mark, names, _shape(vae, pool))
        if found is not None:
            if candidate != path and save:
                _write(found, path, mark)
            return found
    logger.info("encoding %d windows with the frozen VAE", len(pool))
    latents = encode_pieces(vae, pool, names)
    if save:
        _write(latents, path, mark)
    return latents


@torch.no_grad()
def encode_pieces(vae: MotionVae, pool: ClipPool, names: Sequence[str], batch_size: int = 64) -> Latents:
    """The latents of all windows' pieces; pieces of similar length are encoded together."""
    shape = _shape(vae, pool)
    mu = {name: torch.empty(shape, dtype=torch.float16) for name in names}
    logvar = torch.empty(shape, dtype=torch.float16)
    device = next(vae.parameters()).device
    work = [
        (*piece_frames(name, item.num_frames), name, index)
        for name in names
        for index, item in enumerate(pool.items)
    ]
    work.sort(key=lambda entry: entry[1])
    for first in range(0, len(work), batch_size):
        chosen = work[first : first + batch_size]
        batch = pool.batch([pool.clip(index, start, length) for start, length, _, index in chosen]).to(device)
        means, logvars = (part.half().cpu() for part in vae.encode(batch.features, batch.lengths))
        for row, (_, _, name, index) in enumerate(chosen):
            mu[name][index] = means[row]
            if name == FULL:
                logvar[index] = logvars[row]
    return Latents(mu, logvar)


def fingerprint(vae: MotionVae, pool: ClipPool, *, completion: bool) -> str:
    """Hash of everything that the latents depend on: weights, windows and their normalised features."""
    digest = hashlib.sha256(repr((completion, SPLITS, GAPS, CONTEXT_FRAMES)).encode())
    for name, value in vae.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    for item in pool.items:
        digest.update(f"{item.id} {item.num_frames} {item.mirrored}\n".encode())
    digest.update(pool.rows.numpy().data)  # 1 GB takes a second, encoding it minutes
    return digest.hexdigest()


def _shape(vae: MotionVae, pool: ClipPool) -> tuple[int, int, int]:
    """Shape of the latents of one piece of all windows."""
    return len(pool), vae.config.num_latents, vae.config.latent_dim


def _read(path: Path, mark: str, names: Sequence[str], shape: tuple[int, int, int]) -> Latents | None:
    if not path.is_file():
        return None
    try:
        if read_tensor_metadata(path, DataError).get("fingerprint") != mark:
            return None
        found = {name: info.shape for name, info in read_tensor_header(path, DataError).items()}
        check_shapes(dict.fromkeys((*names, "logvar"), shape), found, path, DataError)
        tensors = read_tensors(path, DataError)
    except DataError as error:
        logger.warning("%s; computed again", error)
        return None
    logvar = tensors.pop("logvar")
    return Latents(tensors, logvar)


def _write(latents: Latents, path: Path, mark: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        save_file({**latents.mu, "logvar": latents.logvar}, partial, metadata={"fingerprint": mark})
