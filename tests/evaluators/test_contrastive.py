from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError, ModelError
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveConfig, ContrastiveEvaluator
from bimotion.evaluators.folder import (
    ContrastiveParts,
    PublishedParts,
    read_evaluator,
    save_contrastive,
    save_published,
)
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.features.normalise import FeatureStats
from bimotion.models.tokens import MotionTokenizer

CLOSE = {"rtol": 0, "atol": 2e-5}


@pytest.fixture
def network() -> ContrastiveEvaluator:
    torch.manual_seed(0)
    return ContrastiveEvaluator(EVALUATOR_SIZES["micro"]).eval()


@torch.no_grad()
def test_embeddings_do_not_depend_on_padding_or_batch_mates(network: ContrastiveEvaluator) -> None:
    lengths = torch.tensor([37, 20, 9])
    features = torch.randn(3, 40, 263)
    ids, mask = torch.randint(0, 320, (3, 10)), torch.arange(10) < torch.tensor([[10], [4], [1]])
    motion, text = network.embed_motion(features, lengths), network.embed_text(ids, mask)
    for row in range(3):
        size, words = int(lengths[row]), int(mask[row].sum())
        alone = network.embed_motion(features[row : row + 1, :size], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], motion[row], **CLOSE)
        alone = network.embed_text(ids[row : row + 1, :words], mask[row : row + 1, :words])
        torch.testing.assert_close(alone[0], text[row], **CLOSE)
    features[1, 20:] = 1e6
    torch.testing.assert_close(network.embed_motion(features, lengths), motion, **CLOSE)


@torch.no_grad()
def test_embeddings_have_a_mean_square_of_one(network: ContrastiveEvaluator) -> None:
    generated = network.embed_motion(torch.randn(4, 30, 263), torch.tensor([30, 30, 11, 5]))
    torch.testing.assert_close(generated.square().mean(-1), torch.ones(4))


@torch.no_grad()
def test_motion_is_seen_through_the_statistics(network: ContrastiveEvaluator) -> None:
    features, lengths = torch.randn(2, 24, 263), torch.tensor([24, 17])
    before = network.embed_motion(features, lengths)
    network.feature_mean.fill_(3)
    network.feature_std.fill_(2)
    torch.testing.assert_close(network.embed_motion(features * 2 + 3, lengths), before, **CLOSE)


def test_tiny_takes_at_most_12_mb_in_16_bit() -> None:
    count = sum(value.numel() for value in ContrastiveEvaluator(EVALUATOR_SIZES["tiny"]).parameters())
    assert 2 * count < 12e6


def test_a_contrastive_folder_gives_the_same_embeddings(
    network: ContrastiveEvaluator, tmp_path: Path
) -> None:
    tokenizer = MotionTokenizer.train(["a person walks forward."], 300)
    save_contrastive(ContrastiveParts(network, tokenizer), tmp_path / "e", dtype=torch.float32)
    read = read_evaluator(tmp_path / "e")
    assert isinstance(read, ContrastiveParts)
    assert read.tokenizer.encode("a person walks") == tokenizer.encode("a person walks")
    features, lengths = torch.randn(2, 24, 263), torch.tensor([24, 17])
    with torch.no_grad():
        torch.testing.assert_close(
            read.network.embed_motion(features, lengths), network.embed_motion(features, lengths), **CLOSE
        )
    save_contrastive(ContrastiveParts(network, tokenizer), tmp_path / "half")
    stored = (tmp_path / "half" / "evaluator.safetensors").stat().st_size
    assert stored < 0.6 * (tmp_path / "e" / "evaluator.safetensors").stat().st_size


def test_a_published_folder_keeps_words_statistics_and_tags(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = PublishedEvaluatorConfig(
        word_width=4, text_width=8, movement_hidden=8, movement_width=8, motion_width=8, width=8
    )
    words = WordVectors(["unk", "sos", "eos"], torch.randn(3, 4))
    stats = FeatureStats(mean=np.arange(263, dtype=np.float32), std=np.full(263, 2, dtype=np.float32))
    tagged = {"a man walks.": ["a/DET", "man/NOUN", "walk/VERB"]}
    network = PublishedEvaluator(config).eval()
    save_published(PublishedParts(network, words, stats, tagged), tmp_path)
    read = read_evaluator(tmp_path)
    assert isinstance(read, PublishedParts)
    assert (read.words.words, read.tagged) == (words.words, tagged)
    np.testing.assert_array_equal(read.stats.mean, stats.mean)
    features = torch.randn(2, 24, 263)
    with torch.no_grad():
        torch.testing.assert_close(
            read.network.embed_motion(features), network.embed_motion(features), rtol=0, atol=0
        )


def test_faults_are_named(tmp_path: Path, network: ContrastiveEvaluator) -> None:
    with pytest.raises(ModelError, match="no evaluator here"):
        read_evaluator(tmp_path)
    tokenizer = MotionTokenizer.train(["a person walks forward."], 300)
    save_contrastive(ContrastiveParts(network, tokenizer), tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer.json: cannot be read"):
        read_evaluator(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="not the configuration of a bimotion evaluator 1 folder"):
        read_evaluator(tmp_path)
    with pytest.raises(ConfigError, match="heads"):
        ContrastiveConfig(heads=5)
