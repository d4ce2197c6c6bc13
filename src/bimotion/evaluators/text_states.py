"""Hidden states of a pretrained language model for the tokens of captions."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.models.pretrained import read_text_encoder


class TextStates:
    """Captions to the last states of a language model.

    Raises:
        ConfigError: transformers is not installed.
        ModelError: the model cannot be read, or its states are not of the expected width.
    """

    def __init__(self, source: str, width: int, device: str | torch.device = "cpu") -> None:
        self._tokenizer, model = read_text_encoder(source)
        if model.config.hidden_size != width:
            raise ModelError(f"{source}: expected states of width {width}, got {model.config.hidden_size}")
        self._model, self._device = model.to(device).eval(), device

    @torch.inference_mode()
    def __call__(self, captions: Sequence[str]) -> tuple[Float[Tensor, "N L W"], Int[Tensor, " N"]]:
        """States of all tokens (meaningless beyond a caption's end), and the number of tokens of each caption."""
        read = self._tokenizer(list(captions), return_tensors="pt", padding=True, truncation=True)
        ids, mask = (read[name].to(self._device) for name in ("input_ids", "attention_mask"))
        states: Tensor = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        return states, mask.sum(1)
