"""The motion VAE and the latents of the language model, written in `Operations`; see `bimotion.models.vae`.

Shapes: B clips of one length, T frames, F feature columns, P frame tokens, N latents, D latent width, X values in the
normalised latents of a clip, K cosines. Features are not normalised.
"""

import math
from typing import Any

import numpy as np

from bimotion.portable.layers import decoder_layer, encoder_layer, layer_norm
from bimotion.portable.operations import Array, Operations


class PortableVae:
    """Encoder and decoder of one model; `config` is the whole model's."""

    def __init__(self, ops: Operations, config: Any) -> None:
        self.ops, self.config, self.vae = ops, config, config.vae
        self.latent_dim = self.vae.width if self.vae.latent_width is None else self.vae.latent_width

    def decode(self, x0: Array, frames: Array) -> Array:
        """Features (B, T, F) of normalised latents (B, X); `frames` is T, an integer without axes."""
        ops, vae = self.ops, self.vae
        size = vae.frames_per_token
        z = self._vae_latents(x0)
        tokens = ops.divided(frames + (size - 1), size)
        x = ops.cut(ops.stored("vae.decoder_positions"), 0, 0, tokens)
        x = ops.reshape(x, (1, -1, vae.width))
        path = None
        if vae.cosines:
            path = self._path_decode(z, frames, tokens * size)
            x = x + ops.linear(ops.reshape(path, (0, -1, size * vae.feature_dim)), "vae.embed_path")
        memory = z if vae.latent_width is None else ops.linear(z, "vae.from_latent")

        def layer(x: Array, name: str) -> Array:
            return decoder_layer(ops, x, memory, name, vae.width, vae.heads, vae.norm)

        x = ops.linear(self._stack(x, "vae.decoder", layer), "vae.unembed")
        features = ops.reshape(x, (0, -1, vae.feature_dim))
        if path is not None:
            features = features + path
        features = ops.cut(features, 1, 0, frames)
        return features * ops.stored("feature_std") + ops.stored("feature_mean")

    def encode(self, features: Array) -> Array:
        """Normalised latents (1, X) of the features (1, T, F) of one clip."""
        ops, vae = self.ops, self.vae
        size = vae.frames_per_token
        frames = ops.count(features, 1)
        tokens = ops.divided(frames + (size - 1), size)
        features = (features - ops.stored("feature_mean")) / ops.stored("feature_std")
        padded = ops.pad_rows(features, tokens * size - frames)
        x = ops.linear(ops.reshape(padded, (0, -1, size * vae.feature_dim)), "vae.embed")
        ahead = ops.reshape(ops.stored("vae.distribution_tokens"), (1, 2 * vae.num_latents, vae.width))
        x = ops.concat((ahead, x), 1)
        x = x + ops.cut(ops.stored("vae.encoder_positions"), 0, 0, ops.count(x, 1))

        def layer(x: Array, name: str) -> Array:
            return encoder_layer(ops, x, name, vae.width, vae.heads, vae.norm)

        x = ops.cut(self._stack(x, "vae.encoder", layer), 1, 0, vae.num_latents)
        mu = x if vae.latent_width is None else ops.linear(x, "vae.to_latent")
        if vae.cosines:
            mu = mu + self._path_encode(features, frames)
        return self._normalised(mu)

    def _stack(self, x: Array, name: str, layer: Any) -> Array:
        """Layers with skip connections around the middle one, and a norm."""
        ops, half, kept = self.ops, self.vae.layers // 2, []
        for index in range(half):
            x = layer(x, f"{name}.inputs.{index}")
            kept.append(x)
        x = layer(x, f"{name}.middle")
        for index in range(half):
            x = ops.linear(ops.concat((x, kept.pop()), 2), f"{name}.skips.{index}")
            x = layer(x, f"{name}.outputs.{index}")
        return layer_norm(ops, x, f"{name}.norm")

    def _vae_latents(self, x0: Array) -> Array:
        """Latents (B, N, D) of the VAE of normalised ones."""
        ops, shape = self.ops, (0, self.vae.num_latents, self.latent_dim)
        if self.config.latent_rank is None:
            z = ops.reshape(x0, shape) * ops.stored("latent_std")
        else:
            z = x0 * ops.reshape(ops.stored("latent_std"), (1, self.config.latent_rank))
            z = ops.reshape(ops.matmul(z, ops.stored("latent_axes_back")), shape)
        return z + ops.stored("latent_mean")

    def _normalised(self, z: Array) -> Array:
        """The inverse of `_vae_latents` on the axes that are used."""
        ops, values = self.ops, self.vae.num_latents * self.latent_dim
        z = z - ops.stored("latent_mean")
        if self.config.latent_rank is None:
            return ops.reshape(z / ops.stored("latent_std"), (0, values))
        z = ops.linear_rows(ops.reshape(z, (0, values)), "latent_axes")
        return z / ops.reshape(ops.stored("latent_std"), (1, self.config.latent_rank))

    def _path_decode(self, z: Array, frames: Array, padded: Array) -> Array:
        """Features of the linear path, normalised, with rows of zeros from `frames` to `padded`."""
        ops, vae = self.ops, self.vae
        flat = ops.reshape(z, (0, vae.num_latents * self.latent_dim))
        coefficients = ops.reshape(ops.linear(flat, "vae.path.expand"), (0, vae.cosines, vae.pose_axes))
        table = ops.transpose(self._cosines(frames, padded), (1, 0))
        return ops.linear(ops.matmul(table, coefficients), "vae.path.synthesise")

    def _path_encode(self, features: Array, frames: Array) -> Array:
        ops, vae = self.ops, self.vae
        table = self._cosines(frames, frames) / ops.floats(frames)
        coefficients = ops.matmul(table, ops.linear(features, "vae.path.analyse"))
        flat = ops.reshape(coefficients, (0, vae.cosines * vae.pose_axes))
        return ops.reshape(ops.linear(flat, "vae.path.reduce"), (0, vae.num_latents, self.latent_dim))

    def _cosines(self, frames: Array, padded: Array) -> Array:
        """(K, padded) cosines over `frames`, each of unit mean square; zeros beyond, and for orders >= frames."""
        ops = self.ops
        order = np.arange(self.vae.cosines, dtype=np.float32)[:, None]
        scale = np.where(order > 0, math.sqrt(2), 1.0).astype(np.float32)
        time, length = ops.floats(ops.arange(padded)), ops.floats(frames)
        phase = ops.constant(order * np.float32(math.pi)) * (time + 0.5) / length
        table = ops.constant(scale) * ops.unary("Cos", phase)
        within = ops.floats(ops.less(time, length)) * ops.floats(ops.less(ops.constant(order), length))
        return table * within
