"""The language model with its losses; a forward pass returns the loss of a step."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bimotion.errors import check_range
from bimotion.models.motion_language import MotionLanguage
from bimotion.training.language.batches import LanguageBatch
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.language.stages import PARTS, Part

WORDS = "mixture.text.embedding.weight"
"""The word vectors, which are also the output matrix."""


@dataclass(frozen=True)
class LanguageLossConfig:
    """Weights of the language stages' losses."""

    text_weight: float = 1.0
    """Cross entropy of the answers' text tokens."""
    diffusion_weight: float = 1.0
    """Squared error of the diffusion head's prediction; cross entropy of the codes if latents are discrete."""
    length_weight: float = 0.1
    """Cross entropy of the lengths of target motions."""
    balance_weight: float = 0.01
    """Load-balancing loss of learned experts (stream `experts`)."""

    def __post_init__(self) -> None:
        check_range(self, vars(self), 0)


class LanguageObjective(nn.Module):
    """The model with only some parts trained; the others have no gradient and stay in evaluation mode."""

    def __init__(
        self,
        model: MotionLanguage,
        losses: LanguageLossConfig,
        trains: Iterable[Part],
        *,
        freeze_words: bool = False,
        frozen_text_layers: int = 0,
        mirror_pairs: bool = False,
        prompts: PromptCache | None = None,
    ) -> None:
        """`prompts` stores the keys and values of a frozen text branch, for batches of text to motion alone.

        `frozen_text_layers` layers of the text branch, counted from the first, stay frozen. `mirror_pairs`: the
        batches hold each window beside its mirror image.
        """
        super().__init__()
        self.model = model
        self.losses = losses
        self.prompts = prompts
        self.mirror_pairs = mirror_pairs
        prefixes = tuple(prefix for part in trains for prefix in PARTS[part])
        for name, parameter in model.named_parameters():
            word = freeze_words and name == WORDS
            parameter.requires_grad_(name.startswith(prefixes) and not word)
        for layer in model.mixture.text.layers[:frozen_text_layers]:
            layer.requires_grad_(False)
        # A module without parameters (dropout) follows its parent.
        self._frozen = [
            part for part in model.modules() if {p.requires_grad for p in part.parameters()} == {False}
        ]

    def train(self, mode: bool = True) -> "LanguageObjective":
        """Set the mode of the trained parts; frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, batch: LanguageBatch, noise: torch.Generator) -> dict[str, Float[Tensor, ""]]:
        """The weighted sum `loss` and its unweighted parts: text, diffusion, length, and balance with experts."""
        generator = torch.Generator().manual_seed(noise.initial_seed() * batch.shard.world + batch.shard.rank)
        context, target = (
            None if part is None else self.model.normalise(part) for part in (batch.context, batch.target)
        )
        weights = self.losses
        if self.prompts is not None and batch.prompts and target is not None:
            cache = self.prompts.prefix(batch.prompts)
            parts = self.model.motion_losses(
                cache, target, batch.num_frames, generator, paired=self.mirror_pairs
            )
        else:
            parts = self.model(
                batch.tokens, context, target, batch.num_frames, generator, paired=self.mirror_pairs
            )
        loss = (
            weights.text_weight * parts.text.float()
            + weights.diffusion_weight * parts.diffusion.float()
            + weights.length_weight * parts.length.float()
        )
        named = {"text": parts.text, "diffusion": parts.diffusion, "length": parts.length}
        if self.model.config.mixture.stream != "experts":
            return {"loss": loss, **named}
        balance = self.model.mixture.balance()
        return {"loss": loss + weights.balance_weight * balance, **named, "balance": balance}
