"""Guidance by constraints: latents are moved, while they are denoised, to where the decoded motion meets them.

At each noise level the predicted clean latent is replaced by the one that is near it and meets the constraints better:
one damped Gauss-Newton step of |x - x0|^2 + |residuals(decode(x))|^2. The decoder is linearised: by its linear path
where it has one, whose difference to the whole decoder is measured and added, else by finite differences.

Legend: T frames, C = 67 columns of the body, X values of a clip's latents, R residuals.

Source: data consistency as in DDNM (Wang et al. 2023) and pseudoinverse guidance (Song et al. 2023), with a nonlinear
measurement; OmniControl (Xie et al. 2024) guides motions the same way by gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimotion.inference import prompts
from bimotion.inference.constraints import BODY, All, Constraint
from bimotion.inference.feature_model import BATCH, FeatureModel
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.settings import Sampling
from bimotion.models.tokens import TokenSequence

FINAL_STEPS = 5
"""Gauss-Newton steps after sampling, each from the motion of the whole decoder."""

REFRESH_STEPS = 5
"""Sampling steps between two measurements of the difference between decoder and linear path."""

DIFFERENCE = 0.5
"""Step of the finite differences, in deviations of the latents."""

JACOBIAN_STEP = 0.02
"""Step of the finite differences of residuals, in deviations of the latents."""

HALVINGS = 4
"""How often a step that increases the cost is halved."""


@dataclass(frozen=True)
class Guided:
    """Result of guided sampling."""

    features: Float[np.ndarray, "T 263"]
    """The motion."""
    residual: float
    """Root mean square of the residuals that are left."""


def sample_guided(
    model: FeatureModel,
    sequence: TokenSequence,
    frames: int,
    constraints: Sequence[Constraint],
    sampling: Sampling,
    context: Sequence[Float[np.ndarray, "_ 263"]] = (),
) -> Guided:
    """Features for a request, guided by constraints; as `FeatureModel.sample_features` where there are none.

    Raises:
        ConfigError: settings out of their range.
    """
    if not constraints:
        return Guided(model.sample_features([sequence], list(context), frames, sampling)[0], 0.0)
    guide = _LatentGuide(model, frames, All(constraints))
    latents = model.encode_features(context) if context else None
    x, _ = model.network.sample(
        model.network.batch([sequence]),
        latents,
        steps=sampling.steps,
        sampler=sampling.sampler,
        guidance_scale=sampling.guidance_scale,
        generator=[sampling.generator(0)],
        guide=guide,
    )
    x = guide.finish(x.flatten(1)).view_as(x)
    features = model.decode_features(x, [frames])[0]
    return Guided(features, guide.residual(features))


def text_request(model: FeatureModel, text: str, frames: int | None) -> TokenSequence:
    """The request for a motion of a sentence, or of a phrase that begins with its verb."""
    prompt = read_request(sentence_of(text)).prompt
    return prompts.motion_of_text(
        model.tokenizer, prompt, model.max_tokens, frames if model.length_in_prompt else None
    )


class _LatentGuide:
    """Moves a latent towards constraints."""

    def __init__(self, model: FeatureModel, frames: int, constraint: Constraint) -> None:
        self.model, self.frames, self.constraint = model, frames, constraint
        self.shape = model.network.config.latent_shape
        self.has_path = model.network.vae.path is not None
        self.axes: Tensor | None = None  # (X, T, C): what each latent value adds to the body's columns
        self.offset = torch.zeros(())

    def __call__(self, x0: Float[Tensor, "1 1 X"], step: int) -> Float[Tensor, "1 1 X"]:
        """The latent that replaces the predicted one."""
        with torch.inference_mode(False), torch.no_grad():
            x = x0[:, 0].clone().float().cpu()
            if self.axes is None or step % REFRESH_STEPS == 0:
                self._measure(x)
            moved = self._step(x, x)
        return moved.to(x0.device, x0.dtype)[:, None]

    def finish(self, x: Float[Tensor, "1 X"]) -> Float[Tensor, "1 X"]:
        """The latent after sampling, moved until the whole decoder's motion meets the constraints."""
        with torch.inference_mode(False), torch.no_grad():
            start = moved = x.clone().float().cpu()
            for _ in range(FINAL_STEPS):
                self._measure(moved)
                moved = self._step(moved, start)
        return moved.to(x.device, x.dtype)

    def residual(self, features: Float[np.ndarray, "T 263"]) -> float:
        """Root mean square of the residuals of a motion."""
        body = torch.from_numpy(np.ascontiguousarray(features[:, BODY]))
        return float(self.constraint.residuals(body).square().mean().sqrt())

    def _step(self, x: Float[Tensor, "1 X"], near: Float[Tensor, "1 X"]) -> Float[Tensor, "1 X"]:
        """One Gauss-Newton step from `x`, staying near `near`."""
        assert self.axes is not None
        axes = self.axes
        body = torch.tensordot(x[0], axes, 1) + self.offset
        error = self.constraint.residuals(body)
        nearby = self.constraint.residuals(body + JACOBIAN_STEP * axes)
        jacobian = (nearby - error) / JACOBIAN_STEP  # (X, R)
        matrix = jacobian @ jacobian.T + torch.eye(len(jacobian))
        step: Tensor = torch.linalg.solve(matrix, (near - x)[0] - jacobian @ error)[None]
        cost = self._cost(x, near, error)
        for _ in range(HALVINGS):
            body = torch.tensordot((x + step)[0], axes, 1) + self.offset
            if self._cost(x + step, near, self.constraint.residuals(body)) <= cost:
                break
            step = step / 2
        return x + step

    @staticmethod
    def _cost(x: Tensor, near: Tensor, error: Tensor) -> float:
        return float(error.square().sum() + (x - near).square().sum())

    def _measure(self, x: Float[Tensor, "1 X"]) -> None:
        """Linearise the decoder, and measure its difference to the linear form at `x`."""
        if self.axes is None or not self.has_path:
            probes = torch.eye(x.shape[1]) * DIFFERENCE
            base = torch.zeros_like(x) if self.has_path else x
            decoded = self._decode(torch.cat((base, base + probes)), path_only=self.has_path)
            self.axes = (decoded[1:] - decoded[0]) / DIFFERENCE
        self.offset = self._decode(x)[0] - torch.tensordot(x[0], self.axes, 1)

    def _decode(self, x: Float[Tensor, "B X"], *, path_only: bool = False) -> Float[Tensor, "B T 67"]:
        """Columns of the body, not normalised, by the whole decoder or by its linear path."""
        network, stats = self.model.network, self.model.stats
        weights = next(network.parameters())
        parts = []
        for rows in torch.split(x.to(weights.device, weights.dtype), len(x) if path_only else BATCH):
            latents = rows.view(len(rows), *self.shape)
            lengths = torch.full((len(rows),), self.frames, device=rows.device)
            if path_only and network.vae.path is not None:
                parts.append(network.vae.path.decode(network.vae_latents(latents), lengths, self.frames))
            else:
                parts.append(network.decode(latents, lengths, self.frames))
        body = torch.cat(parts)[..., BODY].float().cpu()
        return body * torch.tensor(stats.std[BODY]) + torch.tensor(stats.mean[BODY])
