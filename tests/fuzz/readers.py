"""The readers that are fuzzed: valid files for each, the call that reads them, and what its result must be."""

import json
import pickle
import shutil
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bimotion.data.store import MotionStore, write_index
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.motion_folder import MotionFolder, export_prompts
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.report import FORMAT as REPORT_FORMAT
from bimotion.evaluation.report import read_report
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveEvaluator
from bimotion.evaluators.folder import (
    ContrastiveParts,
    PublishedParts,
    read_evaluator,
    save_contrastive,
    save_published,
)
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.files import read_any
from bimotion.features.normalise import FeatureStats
from bimotion.interop.assets import read_statistics, read_tokenizer
from bimotion.interop.evaluator import read_published_evaluator, read_tagged_captions, read_word_vectors
from bimotion.interop.official import read_official
from bimotion.interop.unpickle import CheckpointFile
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.vae import MotionVae
from bimotion.models.weights import load_model, save_model
from bimotion.motion.clip import Clip
from bimotion.motion.formats import read_joint_map, read_motion, write_motion
from bimotion.motion.formats.bvh import read_bvh
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, TARGET_OFFSETS
from bimotion.storage.records import read_record, write_record
from bimotion.storage.tensor_files import read_tensors
from bimotion.training.checkpoints import (
    Checkpoint,
    load_checkpoint,
    loop_state,
    naming_damage,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from bimotion.training.configs import VaeTrainConfig
from bimotion.training.language.latent_cache import Latents, _read, _write
from bimotion.training.logs import RunLog
from bimotion.training.vae.folder import load_vae, save_vae
from tests.data.made_up_set import synthetic_item
from tests.motion.formats.fbx_text import fbx_text
from tests.motion.formats.test_named_arrays import stored

GOLDENS = Path(__file__).parents[1] / "goldens"
FARTHEST = 1e6
"""Metres, or any unit of features, beyond which a number is garbage."""


@dataclass(frozen=True)
class Reader:
    """A reader under attack."""

    make: Callable[[Path], None]
    """Write valid files into an empty folder; each of them is mutated in turn."""
    read: Callable[[Path], Any]
    """Read them; arrays, clips and networks in the result must be finite and of sane size."""
    only: tuple[str, ...] = ()
    """Suffixes of the files that are mutated; all if empty."""
    share: float = 1.0
    """Share of the number of inputs, for slow readers."""


def walk() -> Clip:
    """A second of somebody who walks ahead at 1 m/s."""
    time = np.arange(24) / 20
    joints = np.zeros((24, 22, 3))
    joints[:, 0] = np.stack([0.02 * np.sin(time), 0.92 + 0 * time, time], axis=-1)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[:, joint] = joints[:, parent] + TARGET_OFFSETS[joint]
    joints[..., 1] -= joints[..., 1].min()
    return Clip(joints.astype(np.float32), 20.0, name="walk")


def features() -> np.ndarray:
    """Features of that."""
    return encode_clip(walk().joints)


def statistics() -> FeatureStats:
    """Statistics of that."""
    return FeatureStats.of([features()])


def tokenizer(slots: int = 4) -> MotionTokenizer:
    """A small tokenizer."""
    return MotionTokenizer.train(["a person walks forward and waves.", "someone turns."] * 3, 320, slots)


def garbage(result: Any) -> str:
    """What is wrong with a reader's result; empty if nothing is."""
    if isinstance(result, Clip):
        if not 1e-2 <= result.fps <= 1e5:
            return f"{result.fps} frames per second"
        return garbage(result.joints)
    if isinstance(result, torch.Tensor):
        return (
            "" if not result.is_floating_point() or result.isfinite().all() else "a tensor that is not finite"
        )
    if isinstance(result, np.ndarray):
        if not np.isfinite(result).all():
            return "an array that is not finite"
        return "" if not result.size or float(np.abs(result).max()) < FARTHEST else "an absurd number"
    if isinstance(result, (list, tuple)):
        return next((text for text in map(garbage, result) if text), "")
    return ""


def _motion(suffix: str) -> Reader:
    return Reader(
        lambda folder: write_motion(walk(), folder / f"walk{suffix}"),
        lambda folder: read_any(folder / f"walk{suffix}"),
    )


def _features(folder: Path) -> None:
    np.save(folder / "walk.npy", features())


def _npz(folder: Path) -> None:
    np.savez(folder / "walk.npz", joints=walk().joints, fps=np.array(30.0))


ASF = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
"""
BONES = (
    "lhipjoint:root lfemur:lhipjoint ltibia:lfemur lfoot:ltibia ltoes:lfoot rhipjoint:root "
    "rfemur:rhipjoint rtibia:rfemur rfoot:rtibia rtoes:rfoot lowerback:root upperback:lowerback "
    "thorax:upperback lowerneck:thorax upperneck:lowerneck head:upperneck lclavicle:thorax "
    "lhumerus:lclavicle lradius:lhumerus lwrist:lradius lhand:lwrist rclavicle:thorax "
    "rhumerus:rclavicle rradius:rhumerus rwrist:rradius rhand:rwrist"
)


def _acclaim(folder: Path) -> None:
    directions = {"l": "1 0 0", "r": "-1 0 0"}
    text, bones = ASF, [entry.split(":") for entry in BONES.split()]
    for number, (bone, _) in enumerate(bones, 1):
        leg = any(word in bone for word in ("femur", "tibia"))
        way = (
            "0 -1 0"
            if leg
            else "0 0 1"
            if "foot" in bone or "toes" in bone
            else directions.get(bone[0] if bone not in ("lowerback", "lowerneck") else "", "0 1 0")
        )
        text += f"  begin\n     id {number}\n     name {bone}\n     direction {way}\n     length {7 if leg else 3}\n"
        text += (
            "     axis 0 0 0 XYZ\n    dof rx ry rz\n    limits (-180 180)\n (-180 180)\n (-180 180)\n  end\n"
        )
    text += ":hierarchy\n  begin\n    root lhipjoint rhipjoint lowerback\n"
    for bone, _ in bones:
        if children := [child for child, parent in bones if parent == bone]:
            text += f"    {bone} {' '.join(children)}\n"
    (folder / "01.asf").write_text(text + "  end\n")
    frames = ["#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n"]
    for frame in range(1, 13):
        frames.append(
            f"{frame}\nroot 0 17 {frame} 0 0 0\n" + "".join(f"{bone} {frame} 1 2\n" for bone, _ in bones)
        )
    (folder / "01_01.amc").write_text("".join(frames))


def _fbx(folder: Path) -> None:
    write_motion(walk()[:4], folder / "walk.bvh")
    (folder / "walk.fbx").write_text(fbx_text(read_bvh(folder / "walk.bvh"), unit=100.0))
    (folder / "walk.bvh").unlink()


def _named_arrays(folder: Path) -> None:
    np.save(folder / "walk.npy", stored(walk().joints, 17))


def _joint_map(folder: Path) -> None:
    write_motion(walk(), folder / "walk.bvh")
    (folder / "map.json").write_text(json.dumps({joint: joint for joint in JOINT_NAMES}))


def _prepare(kind: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        from bimotion.data.prepare import find_recordings

        catalogue = folder / "catalogue.jsonl"
        return [find_recordings(kind, folder, catalogue if catalogue.exists() else None, None)]  # type: ignore[arg-type]

    return read


def _prepared(kind: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> Any:
        from bimotion.data.prepare import prepare_dataset

        out = folder.with_name(folder.name + "-out")
        shutil.rmtree(out, ignore_errors=True)
        prepare_dataset(kind, folder, out, workers=1, progress=False)  # type: ignore[arg-type]
        return _store_values(out)

    return read


def _own_folder(folder: Path) -> None:
    write_motion(walk(), folder / "a.bvh")
    write_motion(walk(), folder / "b.bvh")
    rows = ["file,caption,start,end", 'a.bvh,"a person walks, slowly",0,0.5', "b.bvh,someone walks,,"]
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    labels = [{"id": "a", "content": "walk", "captions": ["a person walks."]}, {"id": "b", "use_text": True}]
    (folder / "catalogue.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))


def _sidecars(folder: Path) -> None:
    write_motion(walk(), folder / "a.bvh")
    (folder / "a.txt").write_text("a person walks.\nsomeone walks ahead.#someone/NOUN walk/VERB#0.0#0.5\n")


def _joints(folder: Path) -> None:
    joints = walk().joints
    np.save(folder / "joints.npy", np.concatenate([joints, joints]))
    tables = {
        "recordings": [
            {"id": name, "offset": 24 * i, "frames": 24, "split": split, "description": "Walk"}
            for i, (name, split) in enumerate((("a", "train"), ("b", "test")))
        ],
        "captions": [
            {
                "id": "a",
                "start": 0,
                "end": 23,
                "captions": ["a person walks."],
                "events": [[0.0, 0.5, "walks"]],
            }
        ],
        "captions_reference": [{"id": "b", "start_s": 0.0, "end_s": 1.0, "captions": ["he walks."]}],
    }
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _humanml3d(folder: Path) -> None:
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir()
    for name in ("000001", "M000001"):
        np.save(folder / "new_joint_vecs" / f"{name}.npy", np.tile(features(), (2, 1)))
        (folder / "texts" / f"{name}.txt").write_text(
            "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\nhe waves.#he/PRON wave/VERB#0.5#1.0\n"
        )
    (folder / "train.txt").write_text("000001\nM000001\n")


def _store(folder: Path) -> None:
    rows = features()
    np.save(folder / "features.npy", rows)
    splits = ("train", "val", "test")
    write_index(
        [
            synthetic_item(id=f"clip{i}#0", take=f"clip{i}", split=split, num_frames=len(rows))
            for i, split in enumerate(splits)
        ],
        folder / "index.jsonl",
    )
    statistics().save(folder / "stats.npz")
    meta = {"version": 1, "fingerprint": "x", "kind": "bvh", "num_recordings": 3, "failures": [], "notes": {}}
    (folder / "meta.json").write_text(json.dumps(meta))


def _store_values(folder: Path) -> Any:
    store = MotionStore.open(folder)
    return [store.stats.mean, store.stats.std, *(store.features(item) for item in store)]


def _merged(folder: Path) -> Any:
    from bimotion.data.merge import merge_datasets

    out = folder.with_name(folder.name + "-out")
    shutil.rmtree(out, ignore_errors=True)
    merge_datasets([folder], out)
    return _store_values(out)


def _model(folder: Path) -> None:
    words = tokenizer()
    torch.manual_seed(0)
    save_model(
        MotionLanguage(preset("micro", words.special.text_vocab_size, words.special.eos)), folder, words
    )


def _read_model(folder: Path) -> Any:
    network, words = load_model(folder)
    words.decode(words.encode("a person walks forward."))
    return list(network.state_dict().values())


def _judge(folder: Path) -> None:
    words = tokenizer(1)
    sizes = replace(EVALUATOR_SIZES["micro"], vocab_size=words.special.text_vocab_size)
    torch.manual_seed(0)
    save_contrastive(ContrastiveParts(ContrastiveEvaluator(sizes), words), folder)


def _read_judge(folder: Path) -> Any:
    return list(read_evaluator(folder).network.state_dict().values())


def _published(folder: Path) -> None:
    _checkpoint_of_evaluator(folder)
    network = read_published_evaluator(folder / "finest.tar")
    (folder / "finest.tar").unlink()
    words = WordVectors(["unk", "sos", "eos", "walk"], torch.randn(4, network.config.word_width))
    save_published(
        PublishedParts(network, words, statistics(), {"he walks.": ["he/PRON", "walk/VERB"]}), folder
    )


def _checkpoint_of_evaluator(folder: Path) -> None:
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in read_tensors(GOLDENS / "t2m_evaluator_small.safetensors").items():
        if name.startswith("state."):
            _, part, rest = name.split(".", 2)
            parts.setdefault(part, {})[rest] = value
    torch.save(parts, folder / "finest.tar")


def _words(folder: Path) -> None:
    np.save(folder / "our_vab_data.npy", np.arange(12.0).reshape(4, 3))
    (folder / "our_vab_words.pkl").write_bytes(pickle.dumps(["unk", "sos", "eos", "walk"]))


def _tagged(folder: Path) -> None:
    (folder / "000001.txt").write_text("a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n")


def _gpt2(folder: Path) -> None:
    pairs = json.loads((GOLDENS / "gpt2_bpe_part.json").read_text(encoding="utf-8"))
    tokens = [*pairs["vocab"], "<|endoftext|>"]
    (folder / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(dict.fromkeys(tokens))})
    )
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs["merges"], ""]), encoding="utf-8")


def _read_gpt2(folder: Path) -> Any:
    words = read_tokenizer(folder)
    return words.decode(words.encode("a person walks forward."))


def _vae(folder: Path) -> None:
    torch.manual_seed(0)
    save_vae(MotionVae(preset("micro", 300, 0).vae), statistics(), folder / "model", 3)


def _read_vae(folder: Path) -> Any:
    vae, stats = load_vae(folder)
    return [*vae.state_dict().values(), stats.mean, stats.std]


def _run(folder: Path) -> None:
    tensors, counts = random_state(torch.device("cpu"))
    state = {
        "optimiser": {"0.0.step": 3.0},
        "random": {"0": counts},
        "batches": {"epoch": 0, "place": 2},
        "world": 1,
    }
    files = {
        "model": {"w": torch.randn(3, 2)},
        "random-0": tensors,
        "optimiser": {"0.0.exp_avg": torch.randn(3, 2)},
    }
    save_checkpoint(folder / "checkpoints", Checkpoint(3, files, state), keep=1)
    log = RunLog(folder, step=0, tensorboard=False)
    for step in (1, 2, 3):
        log.write(step, "train", {"loss": 0.5 / step})
    log.close()
    write_record(VaeTrainConfig(data=Path("d"), out=Path("o")), folder / "train.json")


def _read_run(folder: Path) -> Any:
    read_record(VaeTrainConfig, folder / "train.json")
    saved = load_checkpoint(folder / "checkpoints" / "step-00000003")
    state = loop_state(saved)
    RunLog(folder, step=2, tensorboard=False).close()
    if "random-0" in saved.tensors and "0" in state.random:
        with naming_damage(folder / "checkpoints" / "step-00000003"):
            restore_random_state(saved.tensors["random-0"], state.random["0"], torch.device("cpu"))
    return list(saved.tensors.get("model", {}).values())


def _latents(folder: Path) -> None:
    _write(
        Latents({"full": torch.randn(5, 2, 3).half()}, torch.randn(5, 2, 3).half()),
        folder / "train.safetensors",
        "mark",
    )


def _read_latents(folder: Path) -> Any:
    found = _read(folder / "train.safetensors", "mark", ["full"], (5, 2, 3))
    return None if found is None else [*found.mu.values(), found.logvar]


def _index(folder: Path) -> None:
    from bimotion.search.library import Library

    write_motion(walk(), folder / "walk.npy")
    Library(folder)


class _Shared:
    """What is made once a process."""

    embedder: Any = None


def _read_index(folder: Path) -> Any:
    from bimotion.search import library

    if _Shared.embedder is None:
        _Shared.embedder = library.read_embedder(library.find_evaluator(None), "cpu")
    library.read_embedder = lambda *_: _Shared.embedder
    found = library.Library(folder)
    pieces = found.index.pieces
    hits = found.search("a person walks", min_score=-1)
    return [pieces.embeddings, pieces.facts, *(hit.score for hit in hits)]


def _report(folder: Path) -> None:
    measured = {"mean": 0.5, "interval": 0.1, "repeats": 3}
    scores = {"text_to_motion": {"real": {"fid": measured}, "system": {"fid": measured, "top_1": measured}}}
    results = {
        "format": REPORT_FORMAT,
        "name": "x",
        "about": {"data": {"windows": 3}},
        "scores": scores,
        "curves": [],
    }
    (folder / "results.json").write_text(json.dumps(results))


def _prompts(folder: Path) -> None:
    (folder / "data").mkdir()
    _store(folder / "data")
    chosen = EvaluationSet(MotionStore.open(folder / "data"), BIMOTION_1)
    export_prompts(chosen, 2, folder)
    for number in range(2):
        (folder / f"{number:02d}").mkdir()
        for item in chosen.items:
            np.save(folder / f"{number:02d}" / f"{item.id}.npy", features())


def _read_prompts(folder: Path) -> Any:
    chosen = EvaluationSet(MotionStore.open(folder / "data"), BIMOTION_1)
    generated = MotionFolder(folder, chosen)
    return [
        garbage(each)
        for number in range(generated.num_sets)
        for each in generated.motions(number, range(len(chosen)))
    ]


def _mean_std(folder: Path) -> None:
    np.save(folder / "Mean.npy", statistics().mean)
    np.save(folder / "Std.npy", statistics().std)


def _stats(folder: Path) -> None:
    statistics().save(folder / "stats.npz")


def _body_model(folder: Path) -> None:
    write_motion(walk(), folder / "walk.npz")
    with np.load(folder / "walk.npz") as stored:
        kept = {name: stored[name] for name in stored.files if name != "rest_joints"}
    np.savez(folder / "walk.npz", **kept)
    (folder / "models").mkdir()
    rest = walk().joints[0].astype(np.float64)
    np.savez(
        folder / "models" / "SMPLH_NEUTRAL.npz",
        v_template=rest, J_regressor=np.eye(22), shapedirs=np.zeros((22, 3, 16)),
    )  # fmt: skip


def _copy(name: str, target: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        shutil.copyfile(GOLDENS / name, folder / target)

    return make


def _checkpoint(folder: Path) -> None:
    state = {"a.weight": torch.randn(4, 3).T, "a.bias": torch.randn(3).half(), "steps": torch.tensor(7)}
    torch.save(
        {"state_dict": OrderedDict(state), "epoch": 3, "args": {"lr": 0.1, "names": ["a", "b"]}},
        folder / "x.ckpt",
    )


def _read_checkpoint(folder: Path) -> Any:
    with CheckpointFile(folder / "x.ckpt") as file:
        return [file.tensor(stored) for stored in file.state().values()]


def _stats_values(stats: FeatureStats) -> list[np.ndarray]:
    return [stats.mean, stats.std]


READERS: dict[str, Reader] = {
    "bvh": _motion(".bvh"),
    "acclaim": Reader(_acclaim, lambda folder: read_motion(folder / "01_01.amc")),
    "glb": _motion(".glb"),
    "fbx": Reader(_fbx, lambda folder: read_motion(folder / "walk.fbx"), share=0.1),
    "named arrays": Reader(_named_arrays, lambda folder: read_motion(folder / "walk.npy")),
    "joint map": Reader(
        _joint_map,
        lambda folder: (
            read_motion(folder / "walk.bvh", joint_map=folder / "map.json")
            and read_joint_map(folder / "map.json")
            and None
        ),
        ("json",),
    ),
    "joints npy": _motion(".npy"),
    "features npy": Reader(_features, lambda folder: read_any(folder / "walk.npy")),
    "joints npz": Reader(_npz, lambda folder: read_motion(folder / "walk.npz")),
    "amass npz": _motion(".npz"),
    "body model": Reader(
        _body_model, lambda folder: read_motion(folder / "walk.npz", body_model=folder / "models")
    ),
    "own folder": Reader(_own_folder, _prepare("bvh"), ("csv",)),
    "catalogue": Reader(_own_folder, _prepare("bvh"), ("jsonl",)),
    "sidecars": Reader(_sidecars, _prepare("bvh"), ("txt",)),
    "joints tables": Reader(_joints, _prepare("joints"), ("jsonl",)),
    "joints folder": Reader(_joints, _prepared("joints")),
    "humanml3d lists": Reader(_humanml3d, _prepare("humanml3d"), ("txt",)),
    "humanml3d folder": Reader(_humanml3d, _prepared("humanml3d"), share=0.5),
    "data set": Reader(_store, _store_values),
    "merged sets": Reader(_store, _merged),
    "statistics npz": Reader(_stats, lambda folder: _stats_values(read_statistics(folder / "stats.npz"))),
    "statistics npy": Reader(_mean_std, lambda folder: _stats_values(read_statistics(folder))),
    "model config": Reader(_model, _read_model, ("json",)),
    "model weights": Reader(_model, _read_model, ("safetensors",)),
    "tokenizer": Reader(
        _model,
        lambda folder: MotionTokenizer.from_file(folder / "tokenizer.json").encode("a man walks."),
        ("json",),
    ),
    "gpt2 tokenizer": Reader(_gpt2, _read_gpt2),
    "vae folder": Reader(_vae, _read_vae),
    "run": Reader(_run, _read_run),
    "run settings": Reader(
        _run, lambda folder: read_record(VaeTrainConfig, folder / "train.json") and None, ("json",)
    ),
    "latents": Reader(_latents, _read_latents),
    "evaluator": Reader(_judge, _read_judge),
    "published evaluator": Reader(_published, _read_judge),
    "evaluator checkpoint": Reader(
        _checkpoint_of_evaluator,
        lambda folder: list(read_published_evaluator(folder / "finest.tar").state_dict().values()),
        share=0.5,
    ),
    "word vectors": Reader(_words, lambda folder: read_word_vectors(folder).vectors),
    "tagged captions": Reader(_tagged, lambda folder: read_tagged_captions(folder) and None),
    "checkpoint": Reader(
        _copy("small_checkpoint.ckpt", "x.ckpt"),
        lambda folder: list(read_official(folder / "x.ckpt", heads=4).state_dict().values()),
        share=0.1,
    ),
    "search index": Reader(_index, _read_index, ("npz",), share=0.5),
    "report": Reader(_report, lambda folder: read_report(folder) and None),
    "prompts": Reader(_prompts, _read_prompts, ("jsonl", "npy")),
}
"""By name."""

sys.setrecursionlimit(1000)
