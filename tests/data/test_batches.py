from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.captions.instructions import own_templates
from bimotion.data.batches import bucket_order, draw_epoch, item_weights
from bimotion.data.examples import ExampleConfig, Examples
from bimotion.data.prepare import prepare_dataset
from bimotion.data.store import MotionStore
from tests.data.made_up import make_motion


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    """Twelve walks and three waves; captions from the grammar."""
    folder = tmp_path_factory.mktemp("takes")
    lines = []
    for i in range(12):
        np.save(folder / f"walk{i:02d}.npy", make_motion(40 + 9 * i, speed=1.0 + i / 20))
        lines.append(f'{{"id": "walk{i:02d}", "content": "walk", "use_text": true}}')
    for i in range(3):
        np.save(folder / f"wave{i}.npy", make_motion(50 + i, hand="left", swings=4))
        lines.append(f'{{"id": "wave{i}", "content": "wave-left-hand", "use_text": true}}')
    (folder / "catalogue.jsonl").write_text("\n".join(lines))
    out = folder / "out"
    prepare_dataset("bvh", folder, out, catalogue=folder / "catalogue.jsonl", workers=1)
    return MotionStore.open(out)


@given(st.lists(st.floats(0.05, 8), min_size=1, max_size=40), st.integers(0, 1000))
def test_an_epoch_draws_each_item_by_its_weight_rounded(weights: list[float], seed: int) -> None:
    drawn = draw_epoch(np.array(weights), np.random.default_rng(seed))
    share = np.array(weights) / sum(weights) * len(weights)
    counts = np.bincount(drawn, minlength=len(weights))
    assert len(drawn) == len(weights)
    assert (np.abs(counts - share) < 1 + 1e-6).all()


def test_rare_contents_are_drawn_more_often_than_they_occur(store: MotionStore) -> None:
    items = store.items()
    weights = item_weights(items, 0.5)
    total = Counter[str]()
    for item, weight in zip(items, weights, strict=True):
        total[item.content] += weight
    counts = Counter(item.content for item in items)
    assert total["walk"] / total["wave"] == pytest.approx((counts["walk"] / counts["wave"]) ** 0.5)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=200), st.integers(1, 9), st.integers(1, 5))
def test_buckets_hold_every_position_once(lengths: list[int], size: int, bucket: int) -> None:
    batches = bucket_order(np.array(lengths), size, bucket, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)


def test_examples_are_the_same_when_taken_up_again(store: MotionStore) -> None:
    config = ExampleConfig(tasks=(("t2m", 2.0), ("m2t", 1.0), ("predict", 1.0)), batch_size=4, seed=3)
    examples = Examples(store.items("train"), own_templates(), config)
    stream = examples.from_step(0)
    expected = [next(stream) for _ in range(examples.steps_per_epoch + 2)]
    resumed = Examples(store.items("train"), own_templates(), config).from_step(examples.steps_per_epoch)
    assert [next(resumed), next(resumed)] == expected[-2:]


def test_examples_ask_for_each_task_in_its_share(store: MotionStore) -> None:
    config = ExampleConfig(tasks=(("t2m", 0.5), ("m2t", 0.25), ("inbetween", 0.25)), batch_size=5)
    examples = Examples(store.items(), own_templates(), config)
    found = [example for epoch in range(20) for batch in examples.epoch(epoch) for example in batch]
    shares = Counter(example.task for example in found)
    assert shares["t2m"] / len(found) == pytest.approx(0.5, abs=0.06)
    for example in found:
        motions = (example.question.count("<motion>"), example.answer.count("<motion>"))
        assert motions == {"t2m": (0, 1), "m2t": (1, 0), "inbetween": (2, 1)}[example.task]
        if example.task == "m2t":
            assert example.answer == example.caption in example.item.captions
        if example.task == "t2m":
            assert example.caption in example.question
        if example.task == "inbetween":
            assert "<gap>" in example.question
        assert "Placeholder" not in example.question + example.answer


def test_windows_without_text_take_part_in_motion_tasks_only(store: MotionStore) -> None:
    from dataclasses import replace

    items = [replace(item, text=False, captions=()) for item in store.items()]
    config = ExampleConfig(tasks=(("t2m", 1.0), ("predict", 1.0)), batch_size=4)
    found = [example for batch in Examples(items, own_templates(), config).epoch(0) for example in batch]
    assert {example.task for example in found} == {"predict"}


def test_the_store_of_another_folder_is_refused(tmp_path: Path) -> None:
    from bimotion.errors import DataError

    with pytest.raises(DataError, match=r"features.npy is missing. Make one with `bimotion prepare`"):
        MotionStore.open(tmp_path)


def test_few_variants_of_an_example_come_again_and_again(store: MotionStore) -> None:
    items = store.items("train", text=True)
    shares = {"plain_share": 1.0, "amount_share": 0.5, "timed_share": 0.5}
    examples = Examples(items, own_templates(), ExampleConfig(**shares, variants=3))
    requested = {examples.example(items[0], [1, 2, seed]).question for seed in range(60)}
    assert 1 < len(requested) <= 3
    assert {examples.example(items[0], [9, 9, seed]).question for seed in range(60)} == requested
    whole = Examples(items, own_templates(), ExampleConfig(**shares))
    assert len({whole.example(items[0], [1, 2, seed]).question for seed in range(60)}) > 3


def test_amounts_are_added_to_captions(store: MotionStore) -> None:
    items = store.items("train", text=True)
    config = ExampleConfig(plain_share=1.0, amount_share=1.0, bare_share=0.0)
    example = Examples(items, own_templates(), config).example(items[0], [0, 0, 0])
    assert any(example.caption.startswith(caption.rstrip(".") + ", ") for caption in items[0].captions)


def test_windows_come_beside_their_mirror_images(store: MotionStore) -> None:
    items = store.items("train", text=True)
    config = ExampleConfig(mirror_pairs=True, batch_size=4)
    batch = next(Examples(items, own_templates(), config).from_step(0))
    assert len(batch) == 4
    for first, second in zip(batch[::2], batch[1::2], strict=True):
        assert {first.item.id, second.item.id} == {
            first.item.id.removesuffix("M"),
            first.item.id.removesuffix("M") + "M",
        }
        assert first.task == second.task
