"""The whole model: motion VAE, two-branch transformer, understanding head, diffusion head, length.

Shapes: B sequences of a batch, L positions, S slots of a motion, C width of the motion branch, M context motions (in
the prompts), R target motions, N latents of a motion, D latent width, X = N * D, F feature columns, T frames.

    understand   context latents (M, N, D) -> slot embeddings (M, S, C): Linear(X -> S * C)
    mixture      TokenBatch + (M, S, C)  -> hidden text (Nt, C), motion (Nm, C)
    condition    hidden motion           -> at the out slots (R, S, C)
    head         noise (R, 1, X) + (R, S, C) -> latents (R, N, D)
    length       (R, S, C) + latents     -> frames (R,)
    vae          latents (R, N, D) + frames -> features (R, T, F)

With discrete latents (`VaeConfig.codes`), codes take the part of the understanding head and of the diffusion head
(`CodeHead`): a motion has a slot for each level of codes, filled one after the other.

Latents here are normalised to about zero mean and unit deviation; `encode` and `decode` convert from and to the scale
of the VAE. With a `latent_rank` they are also projected onto principal axes: one vector (B, 1, K) of K = `latent_rank`
values represents the (B, N, D) of the VAE, and N, D mean 1, K everywhere but in the VAE. Features are normalised as
well.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from bimotion.models.branch import Rotary
from bimotion.models.choices import Sampler
from bimotion.models.codes import CodeHead, draw_codes
from bimotion.models.diffusion import Guide
from bimotion.models.generate import DecodingConfig, generate
from bimotion.models.head import DiffusionHead
from bimotion.models.language_config import MotionLanguageConfig
from bimotion.models.length import LengthPredictor
from bimotion.models.linear import Linear
from bimotion.models.mixture import KeyValueCache, Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import TokenSequence
from bimotion.models.vae import MotionVae

__all__ = ["Losses", "MotionLanguage", "MotionLanguageConfig"]


class Losses(NamedTuple):
    """Unweighted losses; a loss is zero, without a gradient, if the batch has no example of it."""

    text: Float[Tensor, ""]
    """Mean cross entropy of the answers' text tokens."""
    diffusion: Float[Tensor, ""]
    """Mean squared error of the diffusion head; cross entropy of the codes if latents are discrete."""
    length: Float[Tensor, ""]
    """Cross entropy of the lengths."""


class MotionLanguage(nn.Module):
    """Text and motion in, text and motion out.

    Source: MotionGPT3 (Zhu et al. 2025), section 3.
    """

    latent_mean: Tensor
    latent_std: Tensor
    latent_axes: Tensor
    latent_axes_back: Tensor
    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: MotionLanguageConfig) -> None:
        super().__init__()
        self.config = config
        vae_shape = config.vae.num_latents, config.vae.latent_dim
        x_width, width = math.prod(config.latent_shape), config.mixture.motion_dim
        self.vae = MotionVae(config.vae)
        self.mixture = Mixture(config.mixture)
        self.understanding: Linear | None = None
        self.head: DiffusionHead | None = None
        self.codes: CodeHead | None = None
        if config.vae.codes is None:
            self.understanding = Linear(x_width, config.slots * width)
            self.head = DiffusionHead(config.head, config.diffusion, x_width, width, config.slots)
        else:
            self.codes = CodeHead(config.vae.code_levels, config.vae.codes, width)
        self.length = None if config.length is None else LengthPredictor(config.length, width, x_width)
        self.register_buffer("latent_mean", torch.zeros(vae_shape))
        self.register_buffer("latent_std", torch.ones(config.latent_shape))
        if config.latent_rank is not None:
            axes = torch.eye(config.latent_rank, math.prod(vae_shape))
            self.register_buffer("latent_axes", axes)
            self.register_buffer("latent_axes_back", axes.clone())
        self.register_buffer("feature_mean", torch.zeros(config.vae.feature_dim))
        self.register_buffer("feature_std", torch.ones(config.vae.feature_dim))

    def fill_tables(self, device: torch.device | str) -> None:
        """Compute the buffers that are not stored, for a model that was built without memory."""
        if self.mixture.rotary is not None:
            config = self.config.mixture
            self.mixture.rotary = Rotary(config.head_width, config.max_positions, config.rope_theta).to(
                device
            )
        if self.head is not None:
            self.head.alpha_bar = self.config.diffusion.alpha_bar().float().to(device)

    def batch(self, sequences: Sequence[TokenSequence]) -> TokenBatch:
        """The sequences as a batch on the model's device."""
        config = self.config
        batch = TokenBatch.of(sequences, config.special, config.slots, interleaved=config.interleaved_slots)
        return batch.to(self.latent_mean.device)

    def encode(
        self, features: Float[Tensor, "B T F"], lengths: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """Normalised latents (the means, not samples; not rounded) of normalised features."""
        return self.normalise(self.vae.encode(features, lengths)[0])

    def rounded(self, latents: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Normalised latents as their codes stand for them; unchanged if latents are continuous."""
        if self.codes is None:
            return latents
        return self.normalise(self.vae.rounded(self.vae_latents(latents)))

    def decode(
        self, latents: Float[Tensor, "B N D"], lengths: Int[Tensor, " B"], num_frames: int | None = None
    ) -> Float[Tensor, "B T F"]:
        """Normalised features of normalised latents; zeros from each length on."""
        return self.vae.decode(self.vae_latents(latents), lengths, num_frames)

    def vae_latents(self, latents: Float[Tensor, "B N D"]) -> Float[Tensor, "B M E"]:
        """The VAE's latents of normalised ones; the inverse of `normalise` on the axes that are used."""
        z = latents * self.latent_std
        if self.config.latent_rank is not None:
            z = (z.flatten(1) @ self.latent_axes_back).view(-1, *self.latent_mean.shape)
        return (z + self.latent_mean).to(latents.dtype)

    def normalise(self, z: Float[Tensor, "B M E"]) -> Float[Tensor, "B N D"]:
        """The VAE's latents in the normalised form that the language model uses."""
        latents = z - self.latent_mean
        if self.config.latent_rank is not None:
            latents = (latents.flatten(1) @ self.latent_axes.T)[:, None]
        return (latents / self.latent_std).to(z.dtype)

    def forward(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M N D"] | None = None,
        target: Float[Tensor, "R N D"] | None = None,
        num_frames: Int[Tensor, " R"] | None = None,
        generator: torch.Generator | None = None,
        *,
        paired: bool = False,
    ) -> Losses:
        """The losses of a batch whose target motions have the latents `target` and the lengths `num_frames`.

        `paired`: target motions 2i and 2i + 1 are mirror images and get the same noise (`DiffusionHead.loss`).
        """
        earlier = None
        if self.codes is not None and target is not None:
            earlier = self.codes.embed(self.codes_of(target))[:, :-1]
        slots = self.understand(context)
        hidden = self.mixture(batch, slots, text_rows=batch.answer_rows, earlier=earlier)
        text = diffusion = length = hidden.motion.new_zeros(())
        if batch.answer_rows.numel():
            scores = self.mixture.logits(hidden.text)
            text = F.cross_entropy(scores.float(), batch.answer_ids)
        if target is not None and batch.out_rows.numel():
            z = hidden.motion[batch.out_rows]
            diffusion, length = self._motion_losses(z, target, num_frames, generator, paired=paired)
        return Losses(text, diffusion, length)

    def motion_losses(
        self,
        prompts: KeyValueCache,
        target: Float[Tensor, "R N D"],
        num_frames: Int[Tensor, " R"] | None = None,
        generator: torch.Generator | None = None,
        *,
        paired: bool = False,
    ) -> Losses:
        """The losses of target motions whose prompts are text only, from the prompts' keys and values.

        The same as `forward` of the whole sequences, at the cost of the motion branch.
        """
        special = self.config.special
        kind = special.out_slot - special.text_vocab_size
        ids = torch.full((len(target), self.config.slots), kind, device=target.device)
        earlier = None if self.codes is None else self.codes.embed(self.codes_of(target))[:, :-1]
        z = self.mixture.motion_states(ids, prompts, earlier)
        diffusion, length = self._motion_losses(z, target, num_frames, generator, paired=paired)
        return Losses(z.new_zeros(()), diffusion, length)

    def _motion_losses(
        self,
        z: Float[Tensor, "R S C"],
        target: Float[Tensor, "R N D"],
        num_frames: Int[Tensor, " R"] | None,
        generator: torch.Generator | None,
        *,
        paired: bool,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Diffusion and length loss of motions by the hidden states at their slots."""
        x0, length = target.flatten(1)[:, None], z.new_zeros(())
        if self.codes is not None:
            diffusion = self.codes.loss(z, self.codes_of(target))
        else:
            assert self.head is not None
            diffusion = self.head.loss(x0, z, generator, paired=paired)
        if self.length is not None and num_frames is not None:
            length = self.length.loss(z, x0, num_frames)
        return diffusion, length

    def condition(
        self, batch: TokenBatch, context: Float[Tensor, "M N D"] | None = None
    ) -> Float[Tensor, "R S C"]:
        """Hidden states at the slots of each target motion."""
        no_text = batch.answer_rows[:0]
        hidden: Tensor = self.mixture(batch, self.understand(context), text_rows=no_text).motion
        return hidden[batch.out_rows]

    def generate(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M N D"] | None = None,
        decoding: DecodingConfig | None = None,
        generator: torch.Generator | None = None,
    ) -> list[list[int]]:
        """Ids that answer each prompt, without the end token; prompts end in a text token."""
        with torch.inference_mode():
            slots = self.understand(context)
            return generate(
                self.mixture, batch, slots, self.config.special, decoding or DecodingConfig(), generator
            )

    @torch.inference_mode()
    def sample(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M N D"] | None = None,
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance_scale: float | None = None,
        temperature: float = 1.0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        noise: Float[Tensor, "draws R 1 X"] | None = None,
        guide: Guide | None = None,
        rows: Sequence[int] | None = None,
    ) -> tuple[Float[Tensor, "R N D"], Int[Tensor, " R"] | None]:
        """Sampled latents of the target motions, and their predicted lengths in frames if there is a length network.

        Arguments that are None take the value of the configuration; see `DiffusionHead.sample`. `rows` are the target
        motions of the batch that are sampled, each as often as it stands there; None: each once. Of discrete latents
        the codes are drawn at `temperature`, by the generator alone; the other arguments have no meaning.
        """
        if self.codes is not None:
            z, x0 = self._sample_codes(batch, context, temperature, generator)
        else:
            assert self.head is not None
            z = self.condition(batch, context)
            if rows is not None:
                z = z[torch.tensor(list(rows), device=z.device)]
            x0 = self.head.sample(
                z,
                steps=steps,
                sampler=sampler,
                guidance_scale=guidance_scale,
                temperature=temperature,
                generator=generator,
                noise=noise,
                guide=guide,
            )
        frames = None if self.length is None else self.length.predict(z, x0)
        return x0.view(x0.shape[0], *self.config.latent_shape), frames

    def understand(self, context: Float[Tensor, "M N D"] | None) -> Float[Tensor, "M S C"] | None:
        """Embeddings of context motions, as they stand in their slots; None without any."""
        if context is None or context.shape[0] == 0:
            return None
        if self.codes is not None:
            return self.codes.embed(self.codes_of(context))
        assert self.understanding is not None
        embedded: Tensor = self.understanding(context.flatten(1))
        return embedded.view(context.shape[0], self.config.slots, -1)

    def codes_of(self, latents: Float[Tensor, "B N D"]) -> Int[Tensor, "B S"]:
        """The codes of normalised latents; only where latents are discrete."""
        assert self.vae.quantiser is not None
        return self.vae.quantiser.codes(self.vae_latents(latents))

    def _sample_codes(
        self,
        batch: TokenBatch,
        context: Float[Tensor, "M N D"] | None,
        temperature: float,
        generator: torch.Generator | Sequence[torch.Generator] | None,
    ) -> tuple[Float[Tensor, "R S C"], Float[Tensor, "R 1 X"]]:
        """Hidden states at the slots, and normalised latents whose codes are drawn slot by slot.

        Each sequence ends in the slots of its target motion.
        """
        assert self.codes is not None
        assert self.vae.quantiser is not None
        slots, special = self.config.slots, self.config.special
        cache = self.mixture.cache(batch.size, batch.length)
        self.mixture(batch, self.understand(context), cache, text_rows=batch.answer_rows[:0])
        cache.advance(-slots)
        embedded = self.mixture.motion.embedding.weight[special.out_slot - special.text_vocab_size]
        embedded = embedded.expand(batch.size, -1)
        drawn: list[Tensor] = []
        states: list[Tensor] = []
        for slot in range(slots):
            states.append(self.mixture.step_motion(embedded, cache).clone())
            scores = self.codes.scores(states[-1], slot).float()
            drawn.append(draw_codes(scores, temperature, generator))
            embedded = self.codes.embedding[slot, drawn[-1]]
        latents = self.normalise(
            self.vae.quantiser.vectors(torch.stack(drawn, dim=1), self.config.latent_shape)
        )
        return torch.stack(states, dim=1), latents.flatten(1)[:, None]
