"""Training of the motion VAE: reconstruction of clips from their latents.

Shapes: B batch, T frames, F feature columns (263), N latents, D latent width.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bimotion.features.decode import features_to_joints
from bimotion.features.layout import FPS
from bimotion.features.normalise import FeatureStats
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipBatch, ClipPool
from bimotion.training.order import BatchOrder, Draw, OrderConfig, OrderedBatches
from bimotion.training.samples import write_samples
from bimotion.training.task import Shard
from bimotion.training.vae.folder import save_vae
from bimotion.training.vae.losses import VaeLossConfig, feature_loss, joint_losses, kl_loss
from bimotion.training.vae.metrics import reconstruction_metrics

PATH_WEIGHTS = VaeLossConfig(
    root_weight=6.0, position_weight=1.5, rotation_weight=0.5, velocity_weight=0.5, contact_weight=0.3
).column_weights()
"""Weights of the feature columns in the fit of the linear path: errors of the root's velocity add up over a clip."""


class VaeObjective(nn.Module):
    """The VAE with its losses; a forward pass returns the losses of a step."""

    column_weights: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, vae: MotionVae, stats: FeatureStats, config: VaeLossConfig) -> None:
        super().__init__()
        self.vae = vae
        self.config = config
        self.register_buffer("column_weights", config.column_weights())
        self.register_buffer("mean", torch.from_numpy(stats.mean.copy()))
        self.register_buffer("std", torch.from_numpy(stats.std.copy()))

    def forward(self, batch: ClipBatch, noise: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The weighted sum `loss` and its parts, unweighted."""
        mu, logvar = self.vae.encode(batch.features, batch.lengths)
        mu, logvar = mu.float(), logvar.float()
        shard = batch.shard
        if self.vae.quantiser is not None:
            z, commitment = self.vae.quantiser(mu)
            latent = {"commitment": commitment}
        else:
            eps = torch.randn((len(mu) * shard.world, *mu.shape[1:]), generator=noise)
            z = mu + torch.exp(0.5 * logvar) * eps[shard.rank :: shard.world].to(mu.device)
            latent = {"kl": kl_loss(mu, logvar)}
        decoded = self.vae.decode(z, batch.lengths, batch.features.shape[1])
        with torch.autocast(mu.device.type, enabled=False):
            return self._losses(decoded.float(), batch, latent)

    def _losses(
        self, decoded: Float[Tensor, "B T F"], batch: ClipBatch, latent: dict[str, Float[Tensor, ""]]
    ) -> dict[str, Float[Tensor, ""]]:
        config, mask = self.config, batch.mask
        parts = {"feature": feature_loss(decoded, batch.features, mask, self.column_weights)} | latent
        weights = {
            "joint": config.joint_weight,
            "path": config.path_weight,
            "joint_velocity": config.joint_velocity_weight,
            "slide": config.slide_weight,
        }
        if any(weights.values()):
            parts |= joint_losses(decoded * self.std + self.mean, batch.features * self.std + self.mean, mask)
        weights |= {"feature": 1.0, "kl": config.kl_weight, "commitment": config.commitment_weight}
        loss = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        return {"loss": loss, **parts}


class VaeTask:
    """The task of `run_loop` to train a motion VAE."""

    def __init__(
        self, vae: MotionVae, train: ClipPool, held_out: ClipPool, losses: VaeLossConfig, order: OrderConfig
    ) -> None:
        self.vae, self.train, self.held_out, self.order = vae, train, held_out, order
        self.module = VaeObjective(vae, train.stats, losses)

    def batches(self, batch_size: int, seed: int, shard: Shard) -> OrderedBatches[ClipBatch]:
        """The training batches of one process."""

        def batch(draw: Draw) -> ClipBatch:
            return self.train.batch(self.train.drawn(draw), shard)

        order = BatchOrder(self.train.items, self.order, batch_size=batch_size, seed=seed, shard=shard)
        return OrderedBatches(order, batch)

    def validate(self) -> dict[str, float]:
        """Joint errors in millimetres over the held-out windows; empty if there are none."""
        return reconstruction_metrics(self.vae, self.held_out) if len(self.held_out) else {}

    def sample(self, folder: Path) -> None:
        """Write some held-out clips, each with its reconstruction."""
        pool = self.held_out if len(self.held_out) else self.train
        chosen = np.linspace(0, len(pool) - 1, num=min(6, len(pool)), dtype=int).tolist()
        joints: dict[str, np.ndarray] = {}
        for index in chosen:
            batch = pool.batch([pool.clip(index)]).to(next(self.vae.parameters()).device)
            mu, _ = self.vae.encode(batch.features, batch.lengths)
            decoded = self.vae.decode(self.vae.rounded(mu), batch.lengths)
            for name, features in (("recorded", batch.features), ("reconstructed", decoded)):
                real = pool.stats.denormalise(features[0].cpu().numpy())
                joints[f"{pool.items[index].id} {name}"] = features_to_joints(real)
        write_samples(joints, folder, fps=float(FPS))

    def export(self, folder: Path, step: int) -> None:
        """Write the VAE as a VAE folder."""
        save_vae(self.vae, self.train.stats, folder, step)
