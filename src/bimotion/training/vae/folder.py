"""A trained motion VAE as a folder: `config.json`, `vae.safetensors`, `stats.npz`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from bimotion.errors import ModelError
from bimotion.features.normalise import FeatureStats
from bimotion.models.build import network_of_file
from bimotion.models.vae import MotionVae, VaeConfig
from bimotion.storage.records import read_record, write_record
from bimotion.training.folders import replaced_folder

WEIGHTS_FILE, CONFIG_FILE, STATS_FILE = "vae.safetensors", "config.json", "stats.npz"


@dataclass(frozen=True)
class VaeRecord:
    """Metadata of a VAE folder."""

    vae: VaeConfig
    """Sizes of the VAE."""
    step: int
    """Training steps."""
    kind: str = "bimotion-vae"
    """Kind of folder."""


def save_vae(vae: MotionVae, stats: FeatureStats, folder: Path, step: int) -> None:
    """Write the VAE and the statistics of its features, replacing the folder."""
    with replaced_folder(folder) as partial:
        save_file({name: t.contiguous() for name, t in vae.state_dict().items()}, partial / WEIGHTS_FILE)
        stats.save(partial / STATS_FILE)
        write_record(VaeRecord(vae.config, step), partial / CONFIG_FILE)


def find_vae(folder: Path) -> Path:
    """The VAE folder at a path: the folder itself, or `model` in a run.

    Raises:
        ModelError: neither holds a VAE.
    """
    for candidate in (folder, folder / "model"):
        if (candidate / WEIGHTS_FILE).is_file():
            return candidate
    raise ModelError(
        f"{folder}: no trained VAE here ({WEIGHTS_FILE} is missing, also in {folder.name}/model); "
        "train one with `bimotion train vae`"
    )


def load_vae(folder: Path, device: torch.device | str = "cpu") -> tuple[MotionVae, FeatureStats]:
    """The VAE of a folder or run, in evaluation mode, and the statistics of its features.

    Raises:
        ModelError: the folder holds no VAE, or its weights do not fit its configuration.
    """
    folder = find_vae(folder)
    config = read_record(VaeRecord, folder / CONFIG_FILE, ModelError).vae
    vae, _ = network_of_file(lambda: MotionVae(config), folder / WEIGHTS_FILE, device)
    return vae, FeatureStats.load(folder / STATS_FILE)
