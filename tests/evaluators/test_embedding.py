"""Embeddings do not depend on what else is in a batch, but for the published padding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bimotion.data.store import MotionStore
from bimotion.errors import ModelError
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluators.embedding import ContrastiveEmbedder, PublishedEmbedder, read_embedder
from bimotion.evaluators.folder import PublishedParts, save_published
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.features.normalise import FeatureStats


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, store: MotionStore) -> Path:
    """A small evaluator of the published layout with random weights."""
    torch.manual_seed(0)
    sizes = PublishedEvaluatorConfig(
        word_width=6, text_width=8, movement_hidden=8, movement_width=8, motion_width=8, width=8
    )
    words = WordVectors(["unk", "walk", "man"], torch.randn(3, 6))
    tagged = {
        "a man walks.": ["a/DET", "man/NOUN", "walk/VERB"],
        "he walks a lot.": ["he/PRON", "walk/VERB"],
    }
    stats = FeatureStats(mean=store.stats.mean, std=np.full(263, 0.1, np.float32))
    folder = tmp_path_factory.mktemp("published") / "judge"
    save_published(PublishedParts(PublishedEvaluator(sizes).eval(), words, stats, tagged), folder)
    return folder


def test_the_order_changes_nothing(store: MotionStore, judge: Path, published: Path) -> None:
    motions = EvaluationSet(store, BIMOTION_1).repeat(0).motions[:20]
    order = np.random.default_rng(0).permutation(len(motions))
    for folder in (judge, published):
        embedder = read_embedder(folder)
        whole = embedder.embed_motions(motions)
        mixed = embedder.embed_motions([motions[position] for position in order])
        np.testing.assert_allclose(mixed, whole[order], atol=1e-5)
        np.testing.assert_allclose(embedder.embed_motions(motions[3:4]), whole[3:4], atol=1e-5)
        assert np.ptp(whole, axis=0).max() > 1e-3


def test_captions_are_read_in_any_order(judge: Path, published: Path) -> None:
    for folder in (judge, published):
        embedder = read_embedder(folder)
        output = ["a man walks.", "he walks a lot."]
        there, back = embedder.embed_texts(output), embedder.embed_texts(output[::-1])
        np.testing.assert_allclose(there, back[::-1], atol=1e-6)
        assert np.abs(there[0] - there[1]).max() > 1e-4


def test_published_padding_enters_the_embedding(store: MotionStore, published: Path) -> None:
    motions = EvaluationSet(store, BIMOTION_1).repeat(0).motions
    short, long = motions[0][:24], motions[len(motions) - 1][:40]
    as_published = read_embedder(published, padding=store.stats.mean)
    beside = as_published.embed_motions([short, long])
    assert np.abs(as_published.embed_motions([short]) - beside[:1]).max() > 1e-4
    packed = read_embedder(published)
    np.testing.assert_allclose(
        packed.embed_motions([short]), packed.embed_motions([short, long])[:1], atol=1e-6
    )


def test_published_embeddings_are_the_goldens(goldens: Path) -> None:
    golden = load_file(goldens / "t2m_evaluator_small.safetensors")
    sizes = PublishedEvaluatorConfig(
        text_width=48, movement_hidden=40, movement_width=36, motion_width=56, width=32
    )
    network = PublishedEvaluator(sizes).eval()
    network.load_state_dict(
        {name.removeprefix("state."): value for name, value in golden.items() if name.startswith("state.")}
    )
    plain = FeatureStats(mean=np.zeros(263, np.float32), std=np.ones(263, np.float32))
    words = WordVectors(["unk"], torch.zeros(1, sizes.word_width))
    rows = golden["motion.features"].numpy()
    parts = PublishedParts(network, words, plain, {})
    generated = PublishedEmbedder(parts, padding=np.zeros(263, np.float32)).embed_motions(list(rows))
    np.testing.assert_allclose(generated, golden["motion.out"].numpy(), atol=1e-5)


def test_without_an_evaluator_the_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Path
) -> None:
    with pytest.raises(ModelError, match="no evaluator here"):
        read_embedder(tmp_path)
    monkeypatch.setattr("bimotion.evaluators.folder.EMBEDDED_EVALUATOR", tmp_path)
    with pytest.raises(ModelError, match="no embedded evaluator"):
        read_embedder()
    monkeypatch.setattr("bimotion.evaluators.folder.EMBEDDED_EVALUATOR", judge)
    assert isinstance(read_embedder(), ContrastiveEmbedder)
