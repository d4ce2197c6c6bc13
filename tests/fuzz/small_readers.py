"""Readers of what stands beside models, jobs and reports: lists, tables, steps, networks of other layouts."""

import json
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bimotion.evaluation.adherence.motions import FolderMotions
from bimotion.evaluation.checkpoint import Checkpoint
from bimotion.evaluators.calibration import Calibration, read_calibration, save_calibration
from bimotion.evaluators.tmr import Tmr, TmrConfig
from bimotion.inference.actions import Action, find_actions, read_actions, write_actions
from bimotion.inference.controls import read_keys
from bimotion.inference.doubt import Evidence, fit_doubt, read_doubt, save_doubt
from bimotion.inference.examples import Examples, write_examples
from bimotion.inference.known_words import KnownWords, write_known_words
from bimotion.inference.phrase_bank import PhraseBank, save_phrases
from bimotion.inference.timeline import read_timeline
from bimotion.interop.tmr import read_tmr
from bimotion.jobs.folders import read_prompts
from bimotion.jobs.rows import RowFile
from bimotion.jobs.tables import read_motions, write_motions
from bimotion.jobs.work import Prompt
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.segment_coder import SegmentConfig
from bimotion.models.segment_language import SegmentLanguage, SegmentLanguageConfig
from bimotion.models.segment_weights import load_segments, save_segments
from bimotion.motion.formats import write_motion
from bimotion.study.figures import Figures, Run, collect, read_figures, save_figures
from bimotion.training.language.prompt_cache import PromptCache
from tests.fuzz.readers import Reader, tokenizer, walk

LATENT_VALUES = 6


def _timeline(folder: Path) -> None:
    (folder / "acts.txt").write_text("walks forward # 0 # 2.5\nwaves # 2.5 # 4\n")


def _keys(folder: Path) -> None:
    write_motion(walk(), folder / "pose.npz")
    keys = [{"time": 1, "joint": "left_hand", "position": [0.2, 1.2, 0.3]}, {"time": 2, "pose": "pose.npz"}]
    (folder / "keys.json").write_text(json.dumps(keys))


def _read_keys(folder: Path) -> Any:
    return [np.asarray(key.position or [key.time]) for key in read_keys(folder / "keys.json")]


def _calibration(folder: Path) -> None:
    save_calibration(Calibration(9.0, -2.0, 12, {"walk": 4, "wave": 2}), folder)


def _read_calibration(folder: Path) -> Any:
    found = read_calibration(folder)
    if found is None:
        return None
    return [found.probability(np.array([0.1, 0.9])), np.array(found.known_share("a person walks on"))]


def _examples(folder: Path) -> None:
    latents = torch.randn(3, LATENT_VALUES, generator=torch.Generator().manual_seed(0))
    captions = [["a person kicks", "someone kicks"], ["a person walks slowly"], ["he waves"]]
    write_examples(latents, [40, 80, 120], captions, np.eye(3, 4, dtype=np.float32), folder)


def _read_examples(folder: Path) -> Any:
    examples = Examples.of_folder(folder, LATENT_VALUES)
    if examples is None:
        return None
    direction = np.array([1, 0, 0, 0], np.float32)
    drawn = examples.draw("a person walks and kicks", 3, np.random.default_rng(0), direction, 80)
    return [examples.similarity("he waves", direction), *(each.latent for each in drawn)]


def _phrases(folder: Path) -> None:
    save_phrases(["walks", "waves twice", "kicks"], [9, 2, 1], np.eye(3, 4), folder)


def _read_phrases(folder: Path) -> Any:
    bank = PhraseBank.of_folder(folder)
    if bank is None:
        return None
    bank.ranked(np.ones(4, np.float32) / 2)
    return [bank.best(np.eye(2, 4, dtype=np.float32))]


def _evidence(value: float) -> Evidence:
    return Evidence(*(value + index for index in range(len(fields(Evidence)))))


def _doubt(folder: Path) -> None:
    right = np.arange(8) % 2 == 0
    save_doubt(fit_doubt([_evidence(float(index)) for index in range(8)], right, 0.1), folder)


def _read_doubt(folder: Path) -> Any:
    doubt = read_doubt(folder)
    return None if doubt is None else np.array([doubt.probability(_evidence(1.0)), doubt.limit])


def _lists(folder: Path) -> None:
    tokenizer().tokenizer.save(str(folder / "tokenizer.json"))
    write_actions([Action("walk", 3, 1.5, ("a person walks",), 0.5, None)], folder)
    write_known_words(["a person walks", "he waves"], folder)
    (folder / "tokenizer.json").rename(folder / "tokenizer.md")  # no part of what is mutated


def _read_lists(folder: Path) -> Any:
    (folder / "tokenizer.md").rename(folder / "tokenizer.json")
    words = KnownWords.of_folder(folder)
    actions = find_actions(read_actions(folder) or [], "walk")
    return [np.array([action.minutes for action in actions]), words and words.unknown("swims")]


def _row_files(folder: Path) -> None:
    for name in ("rows.csv", "rows.jsonl"):
        with RowFile(folder / name, ("file", "caption")) as rows:
            rows.append({"file": "a.bvh", "caption": 'he says "hello", twice'})
            rows.append({"file": "b.bvh", "caption": None})


def _read_row_files(folder: Path) -> Any:
    for name in ("rows.csv", "rows.jsonl"):
        if (folder / name).is_file():
            with RowFile(folder / name, ("file", "caption")) as rows:
                rows.append({"file": "c.bvh", "caption": "walks"})


def _parquet(folder: Path) -> None:
    prompts = [
        Prompt("a person walks", None, 1, "000001-walks.npy"),
        Prompt("he waves", 2.0, 2, "000002-waves.npy"),
    ]
    write_motions(folder / "motions.parquet", prompts, [walk(), walk()])


def _prompt_lists(folder: Path) -> None:
    (folder / "a.txt").write_text("a person walks\nhe waves\n")
    (folder / "a.csv").write_text('text,seconds,seed\n"walks, slowly",2.5,3\nwaves,,\n')


def _read_prompt_lists(folder: Path) -> Any:
    prompts = [prompt for name in ("a.txt", "a.csv") for _, prompt in read_prompts(folder / name, 0, ".bvh")]
    return np.array([prompt.seconds or 0.0 for prompt in prompts])


def _steps(folder: Path) -> None:
    checkpoint = Checkpoint(folder, {"seed": 1})
    checkpoint.step("first", lambda: {"fid": 1.0})
    checkpoint.step("second", lambda: {"scores": [0.5, 0.25]})


def _read_steps(folder: Path) -> Any:
    checkpoint = Checkpoint(folder, {"seed": 1})
    for name in ("first", "second"):
        checkpoint.step(name, lambda: {"fid": 2.0})


def _folder_motions(folder: Path) -> None:
    write_motion(walk(), folder / "a.npz")
    (folder / "prompts.jsonl").write_text('{"file": "a.npz", "text": "a person walks", "seed": 0}\n')


def _study(folder: Path) -> None:
    log = [
        {"kind": "train", "step": 5, "loss": 2.5, "diffusion": 0.5, "text": 2.0},
        {"kind": "validation", "step": 5, "r3": 0.4, "flops_per_example": 1e9, "cpu_seconds": 3.0},
    ]
    facts = {"arm": "ours", "seed": 0, "stages": [{"stage": "stage1", "steps": 5, "log": log}]}
    run = folder / "ours" / "seed-0"
    run.mkdir(parents=True)
    (run / "figures.json").write_text(json.dumps(facts))
    (folder / "study.json").write_text(json.dumps({"batch_size": 4, "windows": 8}))
    (folder / "shared.json").write_text(json.dumps({"recordings": {"r3": 0.6}}))
    whole = Figures({"windows": 8}, {}, [Run("ours", 0, {**facts, "batch_size": 4})], [])
    save_figures(whole, folder / "page.json")


def _read_study(folder: Path) -> Any:
    found = [*collect(folder).runs, *read_figures(folder / "page.json").runs]
    curves = [np.array(run.curve(metric)) for run in found for metric in ("r3", "train_motion")]
    return [np.sign(curve) for curve in curves]  # a metric has no bound


def _segments(folder: Path) -> None:
    words = tokenizer()
    base = preset("micro", words.special.text_vocab_size, words.special.eos)
    assert base.length is not None
    torch.manual_seed(0)
    sizes = SegmentConfig(cosines=6, pose_axes=8, values=12, rank=10)
    config = SegmentLanguageConfig(
        mixture=base.mixture,
        segment=sizes,
        head=base.head,
        diffusion=base.diffusion,
        length=base.length,
        slots=2,
        context=2,
    )
    save_segments(SegmentLanguage(config), folder, torch.float32)


def _read_segments(folder: Path) -> Any:
    return list(load_segments(folder).state_dict().values())


def _tmr(folder: Path) -> None:
    torch.manual_seed(0)
    sizes = TmrConfig(text_features=48, width=64, ff_width=96, layers=1, heads=1)
    state = Tmr(sizes).state_dict()
    for name in ("text_encoder", "motion_encoder"):
        part = {
            key.removeprefix(f"{name}.").replace("encoder.", "seqTransEncoder."): value
            for key, value in state.items()
            if key.startswith(name)
        }
        torch.save(part, folder / f"{name}.pt")


def _prompt_cache(folder: Path) -> None:
    _cache(folder).prefix([(1, 2, 3), (4, 5)])


def _cache(folder: Path) -> PromptCache:
    config = preset("micro", 320, 0)
    torch.manual_seed(0)
    network = MotionLanguage(config)
    return PromptCache(network.mixture, network.config.special, network.config.slots, folder)


def _read_prompt_cache(folder: Path) -> Any:
    return _cache(folder).prefix([(1, 2, 3), (4, 5)]).store


SMALL_READERS: dict[str, Reader] = {
    "timeline": Reader(
        _timeline,
        lambda folder: np.array([phrase.seconds or 0.0 for phrase in read_timeline(folder / "acts.txt")]),
    ),
    "keys": Reader(_keys, _read_keys, ("json",)),
    "calibration": Reader(_calibration, _read_calibration),
    "examples": Reader(_examples, _read_examples),
    "phrases": Reader(_phrases, _read_phrases),
    "doubt": Reader(_doubt, _read_doubt),
    "lists of a model": Reader(_lists, _read_lists),
    "row files": Reader(_row_files, _read_row_files),
    "prompt lists": Reader(_prompt_lists, _read_prompt_lists),
    "steps of a report": Reader(_steps, _read_steps),
    "adherence folder": Reader(
        _folder_motions, lambda folder: FolderMotions(folder).motions(["a person walks"], 0), ("jsonl",)
    ),
    "study": Reader(_study, _read_study),
    "segments": Reader(_segments, _read_segments),
    "tmr": Reader(_tmr, lambda folder: list(read_tmr(folder).state_dict().values()), share=0.2),
    "prompt cache": Reader(_prompt_cache, _read_prompt_cache),
}

if find_spec("pyarrow"):
    SMALL_READERS["parquet"] = Reader(_parquet, lambda folder: list(read_motions(folder / "motions.parquet")))
