"""Data that published weights need but do not contain: feature statistics, and GPT-2's tokenizer."""

from pathlib import Path

import tokenizers

from bimotion.captions.sentence import EOS
from bimotion.errors import DataError, ModelError
from bimotion.features.normalise import FeatureStats
from bimotion.models.tokens import MAX_TOKENIZER_BYTES, MotionTokenizer, from_library
from bimotion.storage.arrays import read_array
from bimotion.storage.hub import from_hub, hub_hint, is_hub_reference
from bimotion.storage.json_files import read_json_object
from bimotion.storage.texts import read_text

GPT2 = "hf:openai-community/gpt2"
"""Hub repository of GPT-2's tokenizer."""

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""Files of a byte-level BPE: the first, or the other two."""


def read_statistics(path: str | Path) -> FeatureStats:
    """Mean and standard deviation of the features that weights were trained on.

    `path` is a folder with `Mean.npy` and `Std.npy` (HumanML3D; `mean.npy` and `std.npy` in the published code's
    `assets/meta`), or an npz file with `mean` and `std` (`stats.npz` of a prepared data set).

    Raises:
        DataError: they are missing or are not statistics of 263 columns.
    """
    path = Path(path)
    if not path.is_dir():
        return FeatureStats.load(path)
    values = []
    for name in ("Mean.npy", "Std.npy"):
        found = [file for file in (path / name, path / name.lower()) if file.is_file()]
        if not found:
            raise DataError(
                f"{path}: has no {name}; expected the folder of HumanML3D's Mean.npy and Std.npy, or an npz file "
                "with mean and std"
            )
        values.append(read_array(found[0]))
    try:
        return FeatureStats(mean=values[0], std=values[1])
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def read_tokenizer(source: str | Path = GPT2, slots: int = 4) -> MotionTokenizer:
    """A byte-level BPE with the motion tokens after it.

    `source` is a file `tokenizer.json`, a folder with it or with `vocab.json` and `merges.txt`, or hf:owner/name.

    Raises:
        ModelError: there is none, or it is broken.
    """
    path = from_hub(str(source), TOKENIZER_FILES) if is_hub_reference(source) else Path(source).expanduser()
    if not path.exists():
        raise ModelError(
            f"{source}: expected a folder with tokenizer.json, or vocab.json and merges.txt{hub_hint(source)}"
        )
    if path.is_file():
        return MotionTokenizer.from_file(path, slots)
    if (path / "tokenizer.json").is_file():
        return MotionTokenizer.from_file(path / "tokenizer.json", slots)
    if not all((path / name).is_file() for name in ("vocab.json", "merges.txt")):
        raise ModelError(f"{path}: expected tokenizer.json, or vocab.json and merges.txt")
    return MotionTokenizer(_of_two_files(path), slots)


def _of_two_files(folder: Path) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer from its vocabulary and its merges."""
    vocabulary = read_json_object(folder / "vocab.json", ModelError, max_bytes=MAX_TOKENIZER_BYTES)
    lines = read_text(folder / "merges.txt", ModelError, max_bytes=MAX_TOKENIZER_BYTES).split("\n")
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#version"):
            pair = line.removesuffix("\r").split(" ")
            if len(pair) != 2:
                raise ModelError(f"{folder / 'merges.txt'}:{number}: expected two tokens, got {len(pair)}")
            merges.append((pair[0], pair[1]))
    bpe = from_library(
        lambda: tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges)),
        f"{folder}: vocab.json and merges.txt are not GPT-2's tokenizer",
    )
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.add_special_tokens([tokenizers.AddedToken(EOS, special=True, normalized=False)])
    return bpe
