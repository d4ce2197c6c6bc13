"""A model folder as ONNX files: the graph in each file, and the settings needed to use them.

    transformer.onnx   tokens of a prompt, and keys and values of those before -> logits, motion states, keys, values
    condition.onnx     motion states -> modulations of all sampling steps
    step.onnx          latents, x0 of the step before, modulations, step, guidance scale -> latents, x0
    length.onnx        motion states, latents -> predicted length
    decoder.onnx       latents, length -> features of the motion
    encoder.onnx       features of a motion -> latents, and the embeddings of the motion in a prompt

Shapes: B sequences, Nt text and Nm motion tokens, L = Nt + Nm, P earlier tokens, E width of the motion branch, S slots,
X values of a motion's latents, T frames, F = 263 feature columns (not normalised), V text vocabulary.
"""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bimotion.captions.instructions import TaskClass, fill, own_templates, plain_wording, select
from bimotion.errors import ConfigError, ModelError
from bimotion.export.graph import GraphOperations, Value
from bimotion.features.layout import FPS
from bimotion.features.mirror import symmetric_skeleton
from bimotion.inference.known_words import KnownWords, caption_ids
from bimotion.models.tokens import MotionTokenizer
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, RAW_OFFSETS
from bimotion.portable.diffusion import Levels, PortableHead, coefficients, levels_of, xt_width
from bimotion.portable.folder import read_config
from bimotion.portable.motion_vae import PortableVae
from bimotion.portable.tensors import map_tensors
from bimotion.portable.transformer import OUT_SLOT, PortableMixture, Tokens
from bimotion.storage.atomic import atomic_path
from bimotion.storage.texts import read_text

if TYPE_CHECKING:
    from onnx import ModelProto

Tensors = dict[str, np.ndarray]

NOT_EXPORTED = frozenset({"vae.path.logvar", "mixture.motion.embedding.weight"})
"""Tensors that no graph uses: one is needed in training only, of the other `bimotion.json` has a row."""

FORMAT = "bimotion onnx 1"
"""Version of the folder layout, stored in `bimotion.json`."""

SECONDS = "<Second_Placeholder>"
"""Placeholder of the length in the templates of `bimotion.captions.instructions`."""

MIN_CAPTION_TOKENS, MAX_CAPTION_TOKENS = 3, 40
"""Shortest and longest caption, in tokens, as in `FeatureModel` and `DecodingConfig`."""


def export_onnx(folder: Path, out: Path) -> list[Path]:
    """Write the ONNX files of a model folder, its tokenizer and `bimotion.json` into `out`; the files written.

    Raises:
        ModelError: the folder is no model folder, or its networks or its sampler cannot be exported.
        ConfigError: the package `onnx` is not installed, or the model does not predict lengths.
    """
    _require_onnx()
    config, tensors = read_config(folder), map_tensors(folder / "model.safetensors")
    if config.length is None:
        raise ConfigError(f"{folder}: only models that predict lengths can be exported")
    models, used = {}, set[str]()
    for name, build in GRAPHS.items():
        models[name] = build(tensors, config)
        used |= {each.name for each in models[name].graph.initializer}
    if unused := sorted(set(tensors) - used - NOT_EXPORTED):
        raise ModelError(
            f"{folder}: the graphs do not use the tensor {unused[0]}; this kind of model is not exported"
        )
    texts = {
        "bimotion.json": json.dumps(settings(folder, config, tensors), indent=1),
        "tokenizer.json": read_text(folder / "tokenizer.json", ModelError),
    }
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in models.items():
        with atomic_path(out / name) as path:
            path.write_bytes(model.SerializeToString())
        written.append(out / name)
    for name, text in texts.items():
        with atomic_path(out / name) as path:
            path.write_text(text, encoding="utf-8")
        written.append(out / name)
    return written


def transformer(tensors: Tensors, config: Any) -> "ModelProto":
    """One pass of the two-branch transformer over new tokens of B sequences with equal token kinds."""
    ops = GraphOperations(tensors)
    mixture = PortableMixture(ops, config.mixture)
    width = motion_width(config)
    room = (config.mixture.layers, "B", mixture.groups, "P", mixture.head_width)
    states = mixture.run(
        Tokens(
            ops.input("ids", ("B", "Nt"), integer=True),
            ops.input("motion", ("B", "Nm", width)),
            ops.input("source", ("L",), integer=True),
            ops.input("text_index", ("Nt",), integer=True),
            ops.input("motion_index", ("Nm",), integer=True),
        ),
        ops.input("keys", room),
        ops.input("values", room),
    )
    after = (*room[:3], "P + L", room[4])
    return ops.model(
        {
            "logits": (states.logits, ("B", config.mixture.text_vocab_size)),
            "states": (states.motion, ("B", "Nm", width)),
            "all_keys": (states.keys, after),
            "all_values": (states.values, after),
        }
    )


def condition(tensors: Tensors, config: Any) -> "ModelProto":
    """The modulations, which depend on the prompt and the noise levels only."""
    ops = GraphOperations(tensors)
    head, levels = PortableHead(ops, config), _levels(config)
    found = head.modulations(_states(ops, config), levels)
    steps, widths = len(levels.timesteps), modulation_widths(config)
    return ops.model(
        {f"modulation{index}": (each, (steps, "2 B", widths[index])) for index, each in enumerate(found)}
    )


def step(tensors: Tensors, config: Any) -> "ModelProto":
    """One sampling step, by the sampler and the number of steps of the configuration."""
    ops, diffusion, levels = GraphOperations(tensors), config.diffusion, _levels(config)
    widths, values = modulation_widths(config), xt_width(config)
    xt, x0 = PortableHead(ops, config).step(
        ops.input("xt", ("B", values)),
        ops.input("previous", ("B", values)),
        [
            ops.input(f"modulation{index}", (len(levels.timesteps), "2 B", width))
            for index, width in enumerate(widths)
        ],
        ops.input("step", (), integer=True),
        ops.input("guidance", ()),
        coefficients(levels, diffusion.sampler, diffusion.prediction),
    )
    return ops.model({"next": (xt, ("B", values)), "x0": (x0, ("B", values))})


def length(tensors: Tensors, config: Any) -> "ModelProto":
    """The predicted length of motions."""
    ops = GraphOperations(tensors)
    latents = ops.input("latents", ("B", xt_width(config)))
    frames = PortableHead(ops, config).num_frames(_states(ops, config), latents)
    return ops.model({"frames": (frames, ("B",))})


def decoder(tensors: Tensors, config: Any) -> "ModelProto":
    """Features of latents, all of one length."""
    ops = GraphOperations(tensors)
    latents = ops.input("latents", ("B", xt_width(config)))
    features = PortableVae(ops, config).decode(latents, ops.input("frames", (), integer=True))
    return ops.model({"features": (features, ("B", "T", config.vae.feature_dim))})


def encoder(tensors: Tensors, config: Any) -> "ModelProto":
    """Latents of one motion, and its embeddings in a prompt."""
    ops = GraphOperations(tensors)
    latents = PortableVae(ops, config).encode(ops.input("features", (1, "T", config.vae.feature_dim)))
    slots = ops.reshape(ops.linear(latents, "understanding"), (0, config.slots, motion_width(config)))
    return ops.model(
        {
            "latents": (latents, (1, xt_width(config))),
            "motion": (slots, (1, config.slots, motion_width(config))),
        }
    )


GRAPHS: dict[str, Callable[[Tensors, Any], "ModelProto"]] = {
    "transformer.onnx": transformer,
    "condition.onnx": condition,
    "step.onnx": step,
    "length.onnx": length,
    "decoder.onnx": decoder,
    "encoder.onnx": encoder,
}
"""The graph in each file."""


def modulation_widths(config: Any) -> list[int]:
    """Widths of the modulations of the blocks, before the output and, if there is one, of the direct path."""
    width = config.head.width
    direct = [2 * xt_width(config)] if config.head.direct else []
    return [3 * width] * config.head.blocks + [2 * width] + direct


def _levels(config: Any) -> Levels:
    return levels_of(config.diffusion, config.diffusion.sampler, config.diffusion.sample_steps)


def _states(ops: GraphOperations, config: Any) -> Value:
    return ops.input("states", ("B", config.slots, motion_width(config)))


def motion_width(config: Any) -> int:
    """Width of the motion branch."""
    mixture = config.mixture
    return int(mixture.width if mixture.motion_width is None else mixture.motion_width)


def settings(folder: Path, config: Any, tensors: Tensors) -> dict[str, Any]:
    """Contents of `bimotion.json`: prompts, token ids, sizes and sampling settings."""
    tokenizer = MotionTokenizer.from_file(folder / "tokenizer.json", config.slots)
    known_words = KnownWords.of_folder(folder)
    mixture = config.mixture
    return {
        "format": FORMAT,
        "fps": FPS,
        "min_frames": config.length.min_frames,
        "max_frames": min(config.vae.max_frames, config.length.max_frames),
        "length_in_prompt": config.length_in_prompt,
        "slots": config.slots,
        "latent_values": xt_width(config),
        "sample_steps": len(_levels(config).timesteps),
        "modulations": len(modulation_widths(config)),
        "guidance_scale": config.diffusion.guidance_scale,
        "cache": [mixture.layers, mixture.kv_heads or mixture.heads, mixture.width // mixture.heads],
        "max_tokens": mixture.max_positions,
        "ids": {"eos": config.eos, "start": tokenizer.special.start, "end": tokenizer.special.end},
        "out_slot": tensors["mixture.motion.embedding.weight"][OUT_SLOT].astype(float).tolist(),
        "prompts": {
            "motion": wording("t2m", timed=False),
            "timed_motion": wording("t2m", timed=True),
            "text": wording("m2t", timed=False),
            "timed_text": wording("m2t", timed=True),
        },
        "caption_ids": None if known_words is None else list(caption_ids(known_words, tokenizer)),
        "skeleton": {
            "names": JOINT_NAMES,
            "parents": PARENTS,
            "directions": RAW_OFFSETS.tolist(),
            "lengths": np.linalg.norm(symmetric_skeleton(), axis=-1).tolist(),
        },
        "min_caption_tokens": MIN_CAPTION_TOKENS,
        "max_caption_tokens": MAX_CAPTION_TOKENS,
    }


def wording(task: TaskClass, *, timed: bool) -> str:
    """The plain prompt of a task with {caption}, {motion} and {seconds} for what is inserted."""
    template = plain_wording(select(own_templates(), task), timed=timed)[0]
    text = fill(template, caption="{caption}", motion="{motion}")
    return text.replace(SECONDS, "{seconds}")


def _require_onnx() -> None:
    if find_spec("onnx") is None:
        raise ConfigError("ONNX files need the package onnx; install it with: pip install 'bimotion[export]'")
