"""A pretrained language model as the text branch of a new model.

Text and motion branch have the same depth and, unless a narrower motion branch is requested, the same width. The motion
branch and everything that reads or generates latents start from random weights, as in the paper, and are trained first.

Shapes: V text ids of the language model, D width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import tokenizers
import torch
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.interop.names import GPT2_NAMES, LLAMA_NAMES, rename
from bimotion.models.branch import MixtureConfig
from bimotion.models.build import check_state
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.pretrained import PretrainedLanguage
from bimotion.models.tokenizer_cut import cut_tokenizer
from bimotion.models.tokens import MotionTokenizer

LLAMA_QKV = ("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight")
"""The matrices of a layer that are concatenated in our `qkv`."""


@dataclass(frozen=True)
class BranchSizes:
    """The parts of a language model that are kept, and the width of the motion branch; None: all, and the same
    width.
    """

    layers: int | None = None
    """First layers that are kept."""
    vocab_size: int | None = None
    """Text tokens that are kept."""
    texts: tuple[str, ...] = ()
    """Texts whose tokens are kept in any case."""
    motion_width: int | None = None
    """Width of the motion branch."""
    motion_ff_width: int | None = None
    """Inner width of the motion branch's feed-forward layers."""


def text_branch_model(
    language: PretrainedLanguage,
    sizes: MotionLanguageConfig,
    where: str,
    seed: int = 0,
    branches: BranchSizes | None = None,
) -> tuple[MotionLanguage, MotionTokenizer]:
    """A model around a pretrained text branch, in eval mode, and its tokenizer with the motion tokens.

    `sizes` apply to everything except the transformer, whose sizes are the language model's, reduced to `branches`. The
    rows of the two motion brackets are the mean of all others.

    Raises:
        ModelError: the language model is of another family, its weights or tokenizer do not fit it, or it has fewer
            layers than requested.
        ConfigError: it has fewer tokens than requested.
    """
    branches = branches or BranchSizes()
    if branches.vocab_size is None:
        bpe = tokenizers.Tokenizer.from_str(language.tokenizer)
        kept = list(range(bpe.get_vocab_size()))
    else:
        bpe, kept = cut_tokenizer(where, language.tokenizer, branches.texts, branches.vocab_size)
    count = len(kept)
    if max(kept) >= len(language.embedding):
        raise ModelError(
            f"{where}: its tokenizer has {max(kept) + 1} ids, its embedding {len(language.embedding)} rows"
        )
    try:
        tokenizer = MotionTokenizer(bpe, sizes.slots)
        special = tokenizer.special
        mixture = _cut_config(mixture_config(language.settings, special.text_vocab_size), branches)
    except (ConfigError, ModelError) as error:
        raise ModelError(f"{where}: {error}") from None
    config = replace(sizes, mixture=mixture, eos=special.eos, interleaved_slots=False)
    # Rows beyond the tokenizer's only pad the embedding to a round size.
    state = _first_layers(text_state(language, where), mixture.layers)
    words = state["text.embedding.weight"][kept]
    brackets = words.mean(0, keepdim=True).expand(special.text_vocab_size - count, -1)
    state["text.embedding.weight"] = torch.cat((words, brackets))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MotionLanguage(config)
    model_state = model.mixture.state_dict()
    expected = {name: value for name, value in model_state.items() if not name.startswith("motion.")}
    check_state(expected, state, where)
    with torch.no_grad():
        for name, value in state.items():
            model_state[name].copy_(value)
    return model.eval(), tokenizer


def _cut_config(whole: MixtureConfig, branches: BranchSizes) -> MixtureConfig:
    layers = whole.layers if branches.layers is None else branches.layers
    if not 1 <= layers <= whole.layers:
        raise ConfigError(f"layers must lie in 1..{whole.layers}, got {layers}")
    return replace(
        whole, layers=layers, motion_width=branches.motion_width, motion_ff_width=branches.motion_ff_width
    )


def _first_layers(state: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The state without the layers from `layers` on. The last norm stays, for training to fit."""
    prefix = "text.layers."
    return {
        name: value
        for name, value in state.items()
        if not name.startswith(prefix) or int(name.removeprefix(prefix).split(".")[0]) < layers
    }


def mixture_config(settings: Mapping[str, Any], text_vocab_size: int) -> MixtureConfig:
    """The sizes of a text branch from a transformers configuration.

    Raises:
        ModelError: another family, or a setting of it that our layers do not have.
    """
    family = settings.get("model_type")
    if family == "gpt2":
        width = int(settings["n_embd"])
        _demand(settings, activation_function=("gelu_new", "gelu_pytorch_tanh"), scale_attn_weights=(True,))
        _demand(settings, scale_attn_by_inverse_layer_idx=(False,))
        return MixtureConfig(
            family="gpt2",
            text_vocab_size=text_vocab_size,
            width=width,
            layers=int(settings["n_layer"]),
            heads=int(settings["n_head"]),
            ff_width=int(settings.get("n_inner") or 4 * width),
            max_positions=int(settings["n_positions"]),
            norm_eps=float(settings["layer_norm_epsilon"]),
        )
    if family != "llama":
        raise ModelError(f"the text branch must be of the GPT-2 or Llama family, got {family!r}")
    _demand(settings, hidden_act=("silu",), attention_bias=(False,), mlp_bias=(False,))
    width, heads = int(settings["hidden_size"]), int(settings["num_attention_heads"])
    head_width = settings.get("head_dim") or width // heads
    if head_width * heads != width:
        raise ModelError(f"{heads} heads of width {head_width} do not give its width {width}")
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ModelError(f"rotary positions of the kind {kind!r} are not supported")
    return MixtureConfig(
        family="llama",
        text_vocab_size=text_vocab_size,
        width=width,
        layers=int(settings["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(settings["num_key_value_heads"]),
        ff_width=int(settings["intermediate_size"]),
        max_positions=int(settings["max_position_embeddings"]),
        norm_eps=float(settings["rms_norm_eps"]),
        rope_theta=float(rope.get("rope_theta") or settings.get("rope_theta") or 10000.0),
        dropout=0.0,
    )


def text_state(language: PretrainedLanguage, where: str) -> dict[str, Tensor]:
    """Our `Mixture` state of a language model: its text branch and positions, no motion branch.

    Raises:
        ModelError: the output matrix is not the embedding, to which ours is tied.
    """
    output = language.state.get("lm_head.weight")
    if output is not None and not torch.equal(output, language.embedding):
        raise ModelError(f"{where}: input and output embeddings are not tied; such models are not supported")
    published = {name: value for name, value in language.state.items() if name != "lm_head.weight"}
    if language.settings.get("model_type") == "gpt2":
        state = {}
        for name, value in published.items():
            # GPT-2's matrices are (in, out), ours (out, in).
            turned = value.ndim == 2 and ".h." in name
            state[rename(name, GPT2_NAMES)] = value.T.contiguous() if turned else value
        return state
    state = {}
    for layer in range(int(language.settings["num_hidden_layers"])):
        names = [f"model.layers.{layer}.{part}" for part in LLAMA_QKV]
        if all(
            name in published for name in names
        ):  # otherwise the comparison of the states reports what is missing
            state[f"text.layers.{layer}.qkv.weight"] = torch.cat([published.pop(name) for name in names])
    return state | {rename(name, LLAMA_NAMES): value for name, value in published.items()}


def _demand(settings: Mapping[str, Any], **allowed: tuple[Any, ...]) -> None:
    for name, values in allowed.items():
        if settings.get(name, values[0]) not in values:
            raise ModelError(f"{name} {settings[name]!r} is not supported, only {values[0]!r}")
