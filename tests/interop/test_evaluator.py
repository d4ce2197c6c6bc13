"""The published evaluator's files are read as published, and nothing in them is run."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bimotion.errors import ModelError
from bimotion.interop.evaluator import read_published_evaluator, read_tagged_captions, read_word_vectors


def test_a_checkpoint_in_the_published_layout_gives_the_published_embeddings(
    goldens: Path, tmp_path: Path
) -> None:
    golden = load_file(goldens / "t2m_evaluator_small.safetensors")
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in golden.items():
        if name.startswith("state."):
            _, part, rest = name.split(".", 2)
            parts.setdefault(part, {})[rest] = value
    torch.save({**parts, "epoch": 12, "opt_text_encoder": {"lr": 1e-4}}, tmp_path / "finest.tar")
    network = read_published_evaluator(tmp_path / "finest.tar")
    with torch.no_grad():
        generated = network.embed_motion(golden["motion.features"])
    torch.testing.assert_close(generated, golden["motion.out"], rtol=0, atol=1e-5)

    del parts["text_encoder"]["pos_emb.bias"]
    torch.save(parts, tmp_path / "broken.tar")
    with pytest.raises(ModelError, match=r"text_encoder.pos_emb.bias is missing"):
        read_published_evaluator(tmp_path / "broken.tar")
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.tar")
    with pytest.raises(ModelError, match="the network text_encoder is missing"):
        read_published_evaluator(tmp_path / "other.tar")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, ("false",)


def test_word_vectors_are_read_without_running_anything(tmp_path: Path) -> None:
    np.save(tmp_path / "our_vab_data.npy", np.arange(6.0).reshape(2, 3))
    (tmp_path / "our_vab_words.pkl").write_bytes(pickle.dumps(["unk", "walk"]))
    words = read_word_vectors(tmp_path)
    assert words.words == ["unk", "walk"]
    torch.testing.assert_close(words.vectors, torch.arange(6.0).view(2, 3))
    np.save(tmp_path / "our_vab_data.npy", np.array([[1.0, 2.0], [3.0, 1e300]]))
    with pytest.raises(ModelError, match="our_vab_data.npy exceeds the range of float32"):
        read_word_vectors(tmp_path)
    (tmp_path / "our_vab_words.pkl").write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(ModelError, match=r"our_vab_words.pkl: its pickle refers to .*system"):
        read_word_vectors(tmp_path)


def test_tagged_captions_keep_their_tags(tmp_path: Path) -> None:
    (tmp_path / "000000.txt").write_text("a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n")
    assert read_tagged_captions(tmp_path) == {"a man walks.": ["a/DET", "man/NOUN", "walk/VERB"]}
    with pytest.raises(ModelError, match="expected HumanML3D's texts"):
        read_tagged_captions(tmp_path / "nowhere")
