"""Curves, times to reach a value, intervals and verdicts, on figures whose results are known."""

from pathlib import Path
from typing import Any

import pytest

from bimotion.errors import DataError
from bimotion.study.claims import (
    AT_CHANCE,
    CONFIRMED,
    NOT_CONFIRMED,
    OPPOSITE,
    difference,
    judged,
    speed,
)
from bimotion.study.figures import (
    Figures,
    Run,
    ratio_over_seeds,
    read_figures,
    save_figures,
    time_to_reach,
    times_faster,
)
from bimotion.study.findings import write_findings


def run(arm: str, seed: int, values: list[float], flops: float = 1e6) -> Run:
    """A run of one stage that is measured every 10 steps; its training loss is 1 below each value."""
    log: list[dict[str, Any]] = []
    for index, value in enumerate(values, start=1):
        shared = {"step": 10 * index, "kind": "train"}
        log += [{**shared, "diffusion": value - 1.5, "text": 1.0, "loss": 1.0}]
        log += [{**shared, "diffusion": value - 0.5, "text": 1.0, "loss": 1.0}]
        measured = dict.fromkeys(
            (
                "t2m_diffusion",
                "m2t_text",
                "r3",
                "mm_dist",
                "fid",
                "bleu_4",
                "rouge_l",
                "cider_d",
                "caption_r3",
            ),
            value,
        )
        cost = {"flops_per_example": flops, "cpu_seconds": 2.0 * index}
        log.append({"step": 10 * index, "kind": "validation", **cost, **measured, "interference": 0.1})
    facts = {
        "arm": arm,
        "seed": seed,
        "lr": 1e-3,
        "sampling": 2.0,
        "batch_size": 4,
        "parameters": {"layers": 2000, "active": 1000, "words": 10, "heads": 10},
        "stages": [{"stage": "stage3", "steps": 10 * len(values), "log": log}],
    }
    return Run(arm, seed, facts)


def figures(runs: list[Run]) -> Figures:
    size = {
        "layers": 1,
        "width": 24,
        "heads": 4,
        "vocabulary": 300,
        "latents": 4,
        "latent_width": 2,
        "codes": 8,
        "code_levels": 4,
    }
    settings = {
        "size": size,
        "seeds": 3,
        "steps": 30,
        "batch_size": 4,
        "learning_rates": [1.0],
        "tuning_steps": 5,
        "tokenizer_steps": 5,
        "text_steps": 5,
        "validations": 2,
        "windows": 10,
        "validation_windows": None,
    }
    scores = {"r3": 0.9, "mm_dist": 1.0, "fid": 0.0, "world_mm": 20.0}
    shared = {
        "windows": {"train": 10, "validation": 5},
        "recorded": scores,
        "references": {"caption_r3": 0.9},
        "reconstruction_vae": scores,
        "reconstruction_vq": scores,
    }
    return Figures(settings, shared, runs, [])


def test_a_curve_reaches_a_value_between_its_points() -> None:
    curve = [(10.0, 4.0), (20.0, 2.0), (30.0, 1.0)]
    assert time_to_reach(curve, 3.0, higher=False) == 15.0
    assert time_to_reach(curve, 5.0, higher=False) == 10.0
    assert time_to_reach(curve, 0.5, higher=False) is None
    assert time_to_reach(curve, 4.0, higher=True) == 10.0


def test_the_clocks_count_from_the_first_stage_on() -> None:
    facts = dict(run("two-vae", 0, [3, 2]).facts)
    facts["stages"] = [*facts["stages"], *run("two-vae", 0, [1], flops=5e6).facts["stages"]]
    both = Run("two-vae", 0, facts)
    assert both.curve("r3") == [(10, 3), (20, 2), (30, 1)]
    assert both.curve("r3", "examples") == [(40, 3), (80, 2), (120, 1)]
    assert both.curve("r3", "flops") == [(4e7, 3), (8e7, 2), (8e7 + 2e8, 1)]
    assert both.curve("r3", "cpu_seconds") == [(2, 3), (4, 2), (6, 1)]


def test_training_losses_are_means_since_the_measurement_before() -> None:
    assert run("two-vae", 0, [3, 2]).curve("train_motion") == [(10, 2), (20, 1)]


def test_times_faster_in_both_directions() -> None:
    fast, slow = run("two-vae", 0, [4, 2, 1]), run("one-vae", 0, [5, 4, 3])
    assert times_faster(fast, slow, "m2t_text") == pytest.approx(2.0)  # 3 is reached at 15 of 30
    assert times_faster(slow, fast, "m2t_text") == pytest.approx(0.5)
    assert times_faster(slow, fast, "nothing") is None


def test_ratios_are_averaged_over_seeds_that_both_have() -> None:
    fast = [run("two-vae", seed, [4, 2, 1]) for seed in (0, 1, 2)]
    slow = [run("one-vae", seed, [5, 4, 3]) for seed in (0, 1)]
    ratio = ratio_over_seeds(fast, slow, "fid")
    assert ratio is not None
    assert ratio.count == 2
    assert ratio.low == pytest.approx(ratio.high) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("two", "one", "verdict"),
    [
        ([[5, 3], [5, 3.1], [5, 2.9]], [[5, 4], [5, 4.1], [5, 4]], CONFIRMED),
        ([[5, 4], [5, 4.1], [5, 4]], [[5, 3], [5, 3.1], [5, 2.9]], OPPOSITE),
        ([[5, 4], [5, 3], [5, 2]], [[5, 3], [5, 4], [5, 2.1]], NOT_CONFIRMED),
        ([[5, 1]], [[5, 4]], NOT_CONFIRMED),  # one seed has no interval
    ],
)
def test_a_verdict_needs_an_interval_on_one_side(
    two: list[list[float]], one: list[list[float]], verdict: str
) -> None:
    both = figures(
        [
            run(arm, seed, values)
            for arm, rows in (("two-vae", two), ("one-vae", one))
            for seed, values in enumerate(rows)
        ]
    )
    found = difference(both, "two-vae", "one-vae", "mm_dist")
    assert found is not None
    assert found.verdict == verdict
    faster = speed(both, "two-vae", "one-vae", "mm_dist")
    assert faster is not None
    assert faster.verdict == verdict or len(two) > 1


def test_what_generated_motions_show_is_undecided_while_both_arms_guess() -> None:
    guessing = figures(
        [
            run(arm, seed, [0.1, value])
            for arm, value in (("two-vae", 0.12), ("one-vae", 0.1))
            for seed in range(3)
        ]
    )
    guessing.shared["windows"]["validation"] = 96
    verdicts = {claim: verdict for claim, *_, verdict in judged(guessing)}
    assert verdicts["two streams end better: R@3"] == CONFIRMED  # 0.12 is above 3 of 32
    for each in guessing.runs:
        for event in each.facts["stages"][0]["log"]:
            if event["kind"] == "validation":
                event["r3"] -= 0.04
    verdicts = {claim: verdict for claim, *_, verdict in judged(guessing)}
    assert verdicts["two streams end better: R@3"] == AT_CHANCE
    assert verdicts["two streams learn faster: validation, MM-Dist"] == AT_CHANCE
    assert verdicts["two streams learn faster: training loss, text"] != AT_CHANCE


def test_the_page_names_what_was_not_measured_and_its_pictures_exist(tmp_path: Path) -> None:
    both = figures([run("two-vae", 0, [4, 2]), run("one-vae", 0, [5, 4]), run("two-vae-123", 0, [5, 4])])
    save_figures(both, tmp_path / "figures.json")
    page = tmp_path / "findings.md"
    write_findings(read_figures(tmp_path / "figures.json"), page, tmp_path / "pictures")
    text = page.read_text()
    latents = "continuous latents beat VQ tokens, two branches: R@3"
    assert f"| {latents} | VQ stays at 0.5 | not measured | none |" in text
    assert "| three stages beat stage III alone: R@3 | higher | +2.000 | not confirmed |" in text
    links = [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert links
    assert all((tmp_path / link).read_text().startswith("<svg") for link in links)


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    save_figures(figures([run("two-vae", 0, [2.0])]), file)
    whole = file.read_text()
    read_figures(file)
    for text in ("{}", whole.replace('"step":10', '"step":[10]'), whole.replace('"loss":1.0', '"loss":{}')):
        assert text != whole
        file.write_text(text)
        with pytest.raises(DataError, match="not the figures of a study"):
            read_figures(file)
