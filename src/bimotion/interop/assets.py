"""What published weights need and do not hold: the statistics of features, and GPT-2's tokenizer."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import tokenizers

from bimotion.captions.sentence import EOS
from bimotion.errors import DataError, ModelError
from bimotion.features.normalise import FeatureStats
from bimotion.models.tokens import MotionTokenizer
from bimotion.storage.hub import from_hub

GPT2 = "openai-community/gpt2"
"""Hub repository of GPT-2's tokenizer."""

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""Files of a byte-level BPE: the first, or the other two."""


def read_statistics(path: str | Path) -> FeatureStats:
    """Mean and standard deviation of the features that weights were trained on.

    `path` is a folder with `Mean.npy` and `Std.npy` (HumanML3D; `mean.npy` and `std.npy` in the published code's
    `assets/meta`), or an npz file with `mean` and `std` (`stats.npz` of a prepared data set).

    Raises:
        DataError: they are not there or are not statistics of 263 columns.
    """
    path = Path(path)
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise DataError(
                f"{path}: not a whole npz file; expected one with mean and std, or the folder of Mean.npy"
            )
        try:
            return FeatureStats.load(path)
        except (EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{path}: broken ({error})") from None
    values = []
    for name in ("Mean.npy", "Std.npy"):
        found = [file for file in (path / name, path / name.lower()) if file.is_file()]
        if not found:
            raise DataError(
                f"{path}: has no {name}; expected the folder of HumanML3D's Mean.npy and Std.npy, or an npz file "
                "with mean and std"
            )
        try:
            values.append(np.load(found[0], allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{found[0]}: not an array of numbers ({error})") from None
    try:
        return FeatureStats(mean=values[0], std=values[1])
    except (DataError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None


def read_tokenizer(source: str | Path = GPT2, slots: int = 4) -> MotionTokenizer:
    """A byte-level BPE with the motion tokens after it.

    `source` is a file `tokenizer.json`, a folder with it or with `vocab.json` and `merges.txt`, or a Hub id.

    Raises:
        ModelError: there is none, or it is broken.
    """
    path = Path(source).expanduser()
    if not path.exists():
        name = str(source)
        if name.count("/") != 1 or name.startswith((".", "/", "~")):
            raise ModelError(f"{source}: expected a folder with tokenizer.json, or vocab.json and merges.txt")
        path = from_hub(name, TOKENIZER_FILES)
    if path.is_file():
        return MotionTokenizer.from_file(path, slots)
    if (path / "tokenizer.json").is_file():
        return MotionTokenizer.from_file(path / "tokenizer.json", slots)
    return MotionTokenizer(_of_two_files(path), slots)


def _of_two_files(folder: Path) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer from its vocabulary and its merges."""
    try:
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        merges: list[tuple[str, str]] = []
        for line in lines:
            if line and not line.startswith("#version"):
                first, second = line.split(" ")
                merges.append((first, second))
        bpe = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    except OSError as error:
        raise ModelError(
            f"{folder}: expected tokenizer.json, or vocab.json and merges.txt ({error.strerror}: {error.filename})"
        ) from None
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ModelError(f"{folder}: vocab.json and merges.txt are not GPT-2's: {error}") from None
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    return bpe
