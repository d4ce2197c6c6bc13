"""Bounds: the counted work is that which torch counts, and the slower of memory and arithmetic decides."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bimotion.benchmark.figures import Figure, job
from bimotion.benchmark.machine import Machine, measure_machine, peak_bytes
from bimotion.benchmark.report import as_table, disturbance, workflows_as_json, workflows_as_table
from bimotion.benchmark.run import measure, random_weights
from bimotion.benchmark.work import Part, bound_seconds
from bimotion.benchmark.workflows import Waited
from bimotion.errors import BimotionError
from bimotion.models import kernels
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset


@pytest.fixture
def network() -> MotionLanguage:
    """Small, but with layers so wide that attention and what is done once are little beside them, as at full size."""
    torch.manual_seed(0)
    small = preset("micro")
    mixture = replace(small.mixture, width=256, heads=4, ff_width=1024, layers=4)
    head = replace(small.head, width=256, frequencies=64, direct=False)
    vae = replace(small.vae, width=128, heads=2, ff_width=256)
    return MotionLanguage(replace(small, mixture=mixture, head=head, vae=vae)).eval()


@pytest.mark.parametrize(
    "figure",
    [
        Figure("text to motion", 1, steps=7),
        Figure("text to motion", 5, steps=7, frames=60),
        Figure("captioning", 1, written=9),
        Figure("captioning", 3, written=9),
        Figure("stage1", 8),
        Figure("stage3", 8),
    ],
)
def test_counted_operations_are_those_of_torch(
    network: MotionLanguage, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels.library, "_RUN", None)  # torch's counter does not see our own
    network.requires_grad_(figure.trains)
    ready = job(figure, network)
    with FlopCounterMode(display=False) as counter:
        ready.run()
    counted = sum(part.flops for part in ready.parts)
    # torch counts no attention on a CPU, we no pooled conditions, time embeddings and lengths
    assert counter.get_total_flops() == pytest.approx(counted, rel=0.1)


def test_the_slower_of_memory_and_arithmetic_decides() -> None:
    machine = Machine(bytes_per_second=100.0, flops_per_second=1000.0)
    parts = [Part("reads", flops=10, read=200), Part("computes", flops=3000, read=50)]
    assert bound_seconds(parts, machine) == pytest.approx(2 + 3)


def test_weights_that_are_read_again_come_from_the_cache_as_far_as_it_holds_them() -> None:
    machine = Machine(100.0, 1e9, cache_bytes=50.0, cached_bytes_per_second=1000.0)
    assert machine.seconds(0, read=400, passes=1) == pytest.approx(4)
    assert machine.seconds(0, read=400, passes=4) == pytest.approx(1 + 3 * (50 / 100 + 50 / 1000))
    assert machine.seconds(0, read=160, passes=4) == pytest.approx(0.4 + 3 * 40 / 1000)


def test_a_machine_that_is_not_quiet_is_noticed() -> None:
    assert disturbance([0.02, 0.1], load=0.1) is None
    assert disturbance([0.02], load=None) is None
    assert "its load was 3.0" in (disturbance([0.02], load=3.0) or "")
    assert "1 of 2 figures differ" in (disturbance([0.02, 0.9], load=0.0) or "")


def test_workflows_are_listed_with_their_rates() -> None:
    waited = Waited("reading", "frames", 200, [2.0, 2.0, 3.0])
    _, _, line = workflows_as_table([waited]).splitlines()
    assert [cell.strip() for cell in line.split("|")[1:-1]] == ["reading", "2.000", "50%", "100.0", "frames"]
    [row] = workflows_as_json([waited])
    assert (row["median_s"], row["per_second"]) == (2.0, 100.0)


def test_a_table_has_a_row_for_each_figure_and_tells_the_error_of_fewer_bits() -> None:
    with random_weights(preset("micro")) as folder:
        [one] = measure([Figure("captioning", 2, "int8", written=3)], folder, repeats=1, threads=1)
    assert one.error is not None
    assert 0 < one.error < 0.1
    header, rule, row = as_table([one], Machine(1e9, 1e9)).splitlines()
    assert len(header) == len(rule) == len(row)
    assert row.split(" | ")[:3] == ["| captioning", "    2", "int8     "]


def test_a_process_that_fails_says_why() -> None:
    with (
        random_weights(preset("micro")) as folder,
        pytest.raises(BimotionError, match="captioning, batch 3, fp32: .*1000 frames"),
    ):
        list(measure([Figure("captioning", 3, frames=1000)], folder, repeats=1, threads=1))


def test_a_machine_has_rates_and_a_process_a_peak() -> None:
    machine = measure_machine(repeats=1)
    assert 1e8 < machine.bytes_per_second < 1e13
    assert 1e8 < machine.flops_per_second < 1e14
    assert 50e6 < peak_bytes() < 1e12


def test_a_batch_has_captions_of_many_lengths() -> None:
    assert Figure("captioning", 1).caption_lengths == [16]
    lengths = Figure("stage1", 36).caption_lengths
    assert (min(lengths), max(lengths), sum(lengths) / len(lengths)) == (12, 20, 16)
