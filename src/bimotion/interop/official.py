"""The published MotionGPT3 checkpoint as our model.

Everything specific to the published code and its files is here and nowhere else: names, layouts, the constant that
scales latents, the order of several motions' slots. None of it concerns models trained here.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.features.layout import FEATURE_DIM
from bimotion.interop.names import (
    HEAD_NAMES,
    MIXTURE_NAMES,
    TIED_NAMES,
    UNUSED_NAMES,
    VAE_NAMES,
    rename,
)
from bimotion.interop.published_state import PublishedState
from bimotion.models.branch import MixtureConfig
from bimotion.models.build import check_state
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.tokens import NUM_MOTION_TOKENS
from bimotion.models.vae import MotionVae, VaeConfig
from bimotion.models.weights import model_of_state

LATENT_SCALE = 0.8457
"""Factor of the published code on latents (HumanML3D), which is stored in no checkpoint."""

BESIDE_THE_MODEL = ("metrics.", "_losses.")
"""Beginnings of names that a published checkpoint holds besides the model: evaluator networks, running losses."""


def read_official(
    path: str | Path, heads: int | None = None, device: str | torch.device = "cpu"
) -> MotionLanguage:
    """The model of a published checkpoint (torch.save or safetensors), in eval mode.

    `heads` is the transformer's number of heads, which no tensor's shape shows; None: heads of width 64, as in GPT-2.
    Other contents of a checkpoint (evaluator networks, running losses, optimiser) are not read.

    Raises:
        ModelError: the file is broken, a tensor is missing or superfluous or of another shape, or `heads` is
            required.
    """
    with PublishedState(path) as file:
        stored = {name: key for name, key in file.names.items() if not name.startswith(BESIDE_THE_MODEL)}
        read = {key: file.tensor(key) for key in set(stored.values())}  # tied tensors once
    return official_model({name: read[key] for name, key in stored.items()}, str(path), heads, device)


def holds_language_model(path: str | Path) -> bool:
    """Whether a published checkpoint is that of the whole model, and not of the motion VAE alone.

    Raises:
        ModelError: the file is broken or holds neither.
    """
    with PublishedState(path) as file:
        stored = file.names
    if any(name.startswith("lm.") for name in stored):
        return True
    if not vae_names(stored):
        first = ", ".join(list(stored)[:3])
        raise ModelError(
            f"{path}: neither a published model (names vae.*, lm.*) nor a motion VAE; its tensors are {first}, ..."
        )
    return False


def vae_names(stored: Mapping[str, object]) -> dict[str, str]:
    """Names of a motion VAE's tensors without their prefix -> names in the file."""
    for prefix in ("vae.", "motion_vae.", ""):
        if f"{prefix}global_motion_token" in stored:
            return {name.removeprefix(prefix): name for name in stored if name.startswith(prefix)}
    return {}


def read_official_vae(path: str | Path) -> MotionVae:
    """The motion VAE of a published checkpoint, of the whole model or of the VAE alone, in eval mode.

    Its names may begin with `vae.` (MLD, MotionGPT3) or `motion_vae.`, or have no prefix.

    Raises:
        ModelError: the file is broken, a tensor is missing or superfluous or of another shape.
    """
    with PublishedState(path) as file:
        stored = file.names
        published = {
            name: file.tensor(stored[published_name]) for name, published_name in vae_names(stored).items()
        }
    try:
        vae = MotionVae(vae_config(published))
        state = vae_state(published)
    except (ConfigError, ModelError) as error:
        raise ModelError(f"{path}: {error}") from None
    check_state(vae.state_dict(), state, str(path))
    for name, value in state.items():
        if not value.isfinite().all():
            raise ModelError(f"{path}: {name} has values that are not finite")
    vae.load_state_dict(state)
    return vae.eval()


def official_model(
    published: Mapping[str, Tensor], where: str, heads: int | None = None, device: str | torch.device = "cpu"
) -> MotionLanguage:
    """Our model of a published state (names that begin with `vae.` and `lm.`), in eval mode.

    Raises:
        ModelError: a tensor is missing or superfluous or of another shape.
    """
    try:
        config = official_config(published, heads)
        state = official_state(published, config)
    except (ConfigError, ModelError) as error:
        raise ModelError(f"{where}: {error}") from None
    return model_of_state(config, state, where, device)


def official_config(published: Mapping[str, Tensor], heads: int | None = None) -> MotionLanguageConfig:
    """The configuration that a published state's shapes show.

    Raises:
        ModelError: a tensor that shows a size is missing or has other dimensions, or `heads` is required.
    """
    vocabulary, width = _shape(published, "lm.language_model.transformer.wte.weight")
    slots_width, x_width = _shape(published, "lm.motion_und_head.layers.weight")
    if heads is None and width % 64:
        raise ModelError(
            f"{width} columns cannot be divided into heads of 64; give the number of heads (--heads)"
        )
    pool = "lm.diffloss.net.cond_embed.hid_encoder_layer.linear1.weight"
    guided = "lm.fake_latent" in published
    vae = vae_config(_part(published, "vae."))
    if vae.num_latents * vae.width != x_width:
        raise ModelError(f"the VAE's latents have {vae.width} values, the head's {x_width}")
    return MotionLanguageConfig(
        vae=vae,
        mixture=MixtureConfig(
            text_vocab_size=vocabulary,
            width=width,
            layers=_count(published, r"lm\.language_model\.transformer\.h\.(\d+)\."),
            heads=width // 64 if heads is None else heads,
            ff_width=_shape(published, "lm.language_model.transformer.h.0.mlp.fn.0.c_fc.weight")[1],
            max_positions=_shape(published, "lm.language_model.transformer.wpe.weight")[0],
            attention_dropout=0.1,
        ),
        head=HeadConfig(
            width=_shape(published, "lm.diffloss.net.input_proj.weight")[0],
            blocks=_count(published, r"lm\.diffloss\.net\.res_blocks\.(\d+)\."),
            ff_width=_shape(published, pool)[0],
            frequencies=_shape(published, "lm.diffloss.net.time_embed.mlp.0.weight")[1],
            zero_init=False,
        ),
        diffusion=DiffusionConfig(
            guidance_scale=3.0 if guided else 1.0, drop_condition=0.1 if guided else 0.0
        ),
        length=None,
        slots=slots_width // width,
        eos=vocabulary - 3,
        interleaved_slots=True,
    )


def official_state(published: Mapping[str, Tensor], config: MotionLanguageConfig) -> dict[str, Tensor]:
    """Our `MotionLanguage` state of a published state; unknown names are kept.

    Raises:
        ModelError: two tensors map to the same one of ours, or a copy of the text embedding differs from it.
    """
    parts = {
        "vae.": vae_state(_part(published, "vae.")),
        "mixture.": mixture_state(_part(published, "lm.language_model.")),
        "head.": head_state(_part(published, "lm.diffloss.net."), config.slots),
        "understanding.": _part(published, "lm.motion_und_head.layers."),
    }
    known = ("vae.", "lm.language_model.", "lm.diffloss.net.", "lm.motion_und_head.layers.")
    state = {f"{prefix}{name}": value for prefix, part in parts.items() for name, value in part.items()}
    shape = (config.vae.num_latents, config.vae.latent_dim)
    added = {
        "latent_mean": torch.zeros(shape),
        "latent_std": torch.full(shape, 1 / LATENT_SCALE),
        "feature_mean": torch.zeros(config.vae.feature_dim),
        "feature_std": torch.ones(config.vae.feature_dim),
    }
    no_condition = torch.zeros(config.slots, config.mixture.width)
    added["head.fake_condition"] = published.get("lm.fake_latent", no_condition)
    rest = {name: value for name, value in published.items() if not name.startswith(known)}
    rest.pop("lm.fake_latent", None)
    for name, value in (*added.items(), *rest.items()):
        _add_tensor(state, name, value)
    return state


def vae_config(published: Mapping[str, Tensor]) -> VaeConfig:
    """The VAE's configuration from a published state (names without `vae.`); 4 heads, which no tensor's shape shows.

    Raises:
        ModelError: a tensor that shows a size is missing or has other dimensions, or the features are not HumanML3D's.
    """
    tokens, width = _shape(published, "global_motion_token")
    columns = _shape(published, "skel_embedding.weight")[1]
    if columns != FEATURE_DIM:
        raise ModelError(f"its features have {columns} columns, not the {FEATURE_DIM} of HumanML3D")
    return VaeConfig(
        feature_dim=columns,
        num_latents=tokens // 2,
        width=width,
        ff_width=_shape(published, "encoder.middle_block.linear1.weight")[0],
        layers=2 * _count(published, r"encoder\.input_blocks\.(\d+)\.") + 1,
        max_frames=_shape(published, "query_pos_encoder.pe", dims=3)[0] - tokens,
        attention_dropout=0.1,
    )


def vae_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our `MotionVae` state of a published `MldVae` state (names without the `vae.` in front).

    Raises:
        ModelError: two tensors map to the same one of ours.
    """
    state: dict[str, Tensor] = {}
    for name, value in published.items():
        new_name = rename(name, VAE_NAMES)
        if ".multihead_attn.in_proj_" in new_name and value.ndim:
            stem, _, kind = new_name.partition(".multihead_attn.in_proj_")
            width = value.shape[0] // 3
            _add_tensor(state, f"{stem}.cross.q.{kind}", value[:width])
            _add_tensor(state, f"{stem}.cross.kv.{kind}", value[width:])
        else:
            table = new_name.endswith("_positions") and value.ndim == 3  # (rows, 1, width)
            _add_tensor(state, new_name, value[:, 0] if table else value)
    return state


def mixture_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our `Mixture` state of a published language model's (names without `lm.language_model.`).

    Published matrices are (in, out), ours (out, in). The text embedding is stored there under four names.

    Raises:
        ModelError: two names of the text embedding hold different values, or two tensors map to the same one of ours.
    """
    state: dict[str, Tensor] = {}
    for name, value in published.items():
        if name in TIED_NAMES:
            embedding = published.get("transformer.wte.weight")
            if embedding is not None and not torch.equal(embedding, value):
                raise ModelError(f"{name} differs from the text embedding, with which it must be tied")
        elif name == "pre_processors.1.weight":
            _add_tensor(
                state, rename(name, MIXTURE_NAMES), value[:NUM_MOTION_TOKENS] if value.ndim else value
            )
        elif name not in UNUSED_NAMES:
            projection = value.ndim == 2 and ".fn." in name
            _add_tensor(state, rename(name, MIXTURE_NAMES), value.T.contiguous() if projection else value)
    return state


def head_state(published: Mapping[str, Tensor], slots: int) -> dict[str, Tensor]:
    """Our `DiffusionHead` state, except `fake_condition`, of a published one (names without `net.`).

    The published position table has 500 rows, of which those of the query and the slots are read.

    Raises:
        ModelError: two tensors map to the same one of ours.
    """
    state: dict[str, Tensor] = {}
    for name, value in published.items():
        new_name = rename(name, HEAD_NAMES)
        table = new_name == "condition.positions" and value.ndim == 3  # (rows, 1, width)
        _add_tensor(state, new_name, value[: slots + 1, 0] if table else value)
    return state


def _add_tensor(state: dict[str, Tensor], name: str, value: Tensor) -> None:
    if name in state:
        raise ModelError(f"two tensors map to {name}")
    state[name] = value


def _part(published: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in published.items() if name.startswith(prefix)}


def _count(published: Mapping[str, Tensor], pattern: str) -> int:
    return len({match[1] for name in published if (match := re.match(pattern, name))})


def _shape(published: Mapping[str, Tensor], name: str, dims: int = 2) -> torch.Size:
    if name not in published:
        raise ModelError(f"{name} is missing; this is not a published checkpoint of the expected kind")
    shape = published[name].shape
    if len(shape) != dims or 0 in shape:
        raise ModelError(f"{name} has shape {tuple(shape)}, expected {dims} sizes above 0")
    return shape
