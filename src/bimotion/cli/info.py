"""`bimotion info`: what a motion file or a model folder contains."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import Flag
from bimotion.cli.terminal import say, say_lines
from bimotion.cli.usage import UsageError


@dataclass(frozen=True)
class Info:
    """Show what a motion file or a model folder contains, or what this machine computes with.

    examples:
      bimotion info walk.bvh
      bimotion info runs/mine --json
      bimotion info                    (the bundled model)
      bimotion info --system
    """

    what: Annotated[
        Positional[str | None],
        arg(metavar="MODEL|FILE", help_behavior_hint="(default: the bundled model)"),
    ] = None
    """Motion file, model folder, training run or Hub repository."""
    system: Flag = False
    """Show the processor, its instructions that are used, threads and versions instead."""
    json: Flag = False
    """Print one JSON object instead of lines."""
    reading: ReadingOptions = Reading()
    """How a motion file is read."""

    def run(self) -> None:
        """Read and print."""
        facts = self._facts()
        if self.json:
            say_lines(json.dumps(facts, indent=1))
            return
        width = max(map(len, facts))
        for name, value in facts.items():
            say(f"{name:{width}}  {_text(value)} {UNITS.get(name, '')}".rstrip())
            if isinstance(value, list):
                for line in value:
                    say(f"  {line}")
            if isinstance(value, dict):
                for part, inner in value.items():
                    say(f"  {part}: {json.dumps(inner) if isinstance(inner, dict) else inner}")

    def _facts(self) -> dict[str, Any]:
        from bimotion.errors import ModelError
        from bimotion.storage.hub import hub_hint, is_hub_reference

        if self.system:
            if self.what is not None:
                raise UsageError("--system is about this machine: leave out the model or file")
            return system_facts()
        path = Path(self.what or "").expanduser()
        if self.what is None or path.is_dir():
            return model_facts(self.what)
        if path.exists():
            return motion_facts(path, self.reading)
        if not is_hub_reference(self.what):
            raise ModelError(f"{self.what}: there is no such file or model folder{hub_hint(self.what)}")
        return model_facts(self.what)


UNITS = {
    **{name: "m" for name in ("height", "path")},
    **{name: "m/s" for name in ("speed", "skating_speed")},
    **{name: "mm" for name in ("penetration_mm", "floating_mm", "bone_drift_mm")},
    **{
        "seconds": "s",
        "turn_left_deg": "°",
        "jitter": "m/s³",
        "skating_ratio": "of steps",
        "megabytes": "MB",
    },
}
"""Units printed after values; `--json` prints values without units."""


def motion_facts(path: Path, reading: Reading) -> dict[str, Any]:
    """Length, size, path and quality of the motion in a file, and how it was read; units as in `UNITS`.

    `mapping` has the file's joints by our names, each with a confidence (0 to 1); `placed` are those that the file
    does not have.
    """
    import numpy as np

    from bimotion.features.files import interpret_file
    from bimotion.motion.clip import heading as body_heading
    from bimotion.motion.quality import MIN_QUALITY_FRAMES, QUALITY_FPS, motion_quality
    from bimotion.motion.skeleton import JOINT_NAMES

    found = interpret_file(path, reading.options())
    clip, interpretation = found.clip, found.interpretation
    joints = clip.joints
    steps = np.linalg.norm(np.diff(joints[:, 0, [0, 2]], axis=0), axis=-1)
    yaw = body_heading(joints)
    measurable = clip.duration > MIN_QUALITY_FRAMES / QUALITY_FPS
    quality = motion_quality(joints, clip.fps).scores() if measurable else {}
    return {
        "file": str(path),
        "kind": "motion",
        "frames": len(clip),
        "fps": round(clip.fps, 3),
        "seconds": round(clip.duration, 3),
        "skeleton": interpretation.family,
        "unit": interpretation.unit.name,
        "up": f"{interpretation.up.axis.upper()} ({interpretation.up.reason})",
        "joints": joints.shape[1],
        "rotations": clip.rotations is not None,
        "height": round(float(np.percentile(np.ptp(joints[..., 1], axis=1), 95)), 3),
        "path": round(float(steps.sum()), 3),
        "turn_left_deg": round(float(np.degrees(yaw[-1] - yaw[0])), 1),
        **{name: round(value, 3) for name, value in quality.items()},
        "mapping": {
            joint: f"{name} ({interpretation.confidence[joint]:g})"
            for joint, name in interpretation.joints.items()
        },
        "placed": ", ".join(joint for joint in JOINT_NAMES if joint not in interpretation.joints) or "none",
        **({"animations": list(interpretation.animations)} if interpretation.animations else {}),
        "warnings": list(interpretation.warnings),
    }


def system_facts() -> dict[str, Any]:
    """What this machine computes with.

    `kernels` names the instruction set of our kernels (`models.kernels.VARIANTS`); torch has one of its own.
    `precision` is the type that `train --precision auto` multiplies matrices in.
    """
    import platform

    import torch

    from bimotion import __version__
    from bimotion.models import kernels
    from bimotion.models.processor import capabilities
    from bimotion.training.accelerator import computes_bf16

    cuda = torch.cuda.is_available()
    return {
        "kind": "system",
        "bimotion": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": capabilities().get("cpu_name") or platform.processor() or "unknown",
        "threads": torch.get_num_threads(),
        "kernels": kernels.variant() or "not compiled: torch's operations are used",
        "kernel_rows": kernels.MAX_KERNEL_ROWS,
        "torch_instructions": torch.backends.cpu.get_cpu_capability(),
        "precision": "bf16" if computes_bf16(cpu=not cuda) else "fp32",
        "cuda": torch.cuda.get_device_name() if cuda else "none",
    }


def model_facts(model: str | None) -> dict[str, Any]:
    """Size and kind of a model, read without loading the network."""
    from bimotion.api import model_folder
    from bimotion.errors import ModelError
    from bimotion.storage.json_files import read_json_object
    from bimotion.storage.tensor_files import read_tensor_header

    folder = model_folder(model)
    weights = folder / "model.safetensors"
    config = read_json_object(folder / "config.json", ModelError)
    tensors = read_tensor_header(weights).values()
    count, dtypes = sum(tensor.size for tensor in tensors), sorted({tensor.dtype for tensor in tensors})
    facts: dict[str, Any] = {
        "folder": str(folder),
        "kind": "model",
        "parameters": count,
        "stored_as": ", ".join(dtypes),
        "megabytes": round(weights.stat().st_size / 1e6, 1),
        "config": config,
    }
    card = folder / "README.md"
    if card.is_file():
        facts["card"] = str(card)
    return facts


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ""
    if isinstance(value, list):
        return "" if value else "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
