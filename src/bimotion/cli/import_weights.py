"""`bimotion import-weights`: published or pretrained weights to a model folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.options import Flag
from bimotion.cli.terminal import say
from bimotion.cli.usage import UsageError
from bimotion.models.choices import PresetName

if TYPE_CHECKING:
    from bimotion.models.motion_language import MotionLanguage
    from bimotion.models.tokens import MotionTokenizer

PUBLISHED_CARD = """\
# Published weights

The model of `{source}`, published as MotionGPT3 (Zhu et al. 2025, arXiv:2506.24086) or trained with its code.
Their authors' licence applies, and that of the data they were trained on.
The model does not predict lengths: give --seconds.
"""

EVALUATOR_CARD = """\
# The published evaluator

The networks of `{source}`, published by Guo et al. 2022 ("Generating diverse and natural 3D human motions from text"),
which score text to motion on HumanML3D. Their authors' licence applies.
"""

TMR_CARD = """\
# TMR as an evaluator

The encoders of `{source}`, published as TMR (Petrovich et al. 2023, "TMR: Text-to-Motion Retrieval Using Contrastive 3D
Human Motion Synthesis") or trained with its code. Their authors' licence applies. Captions are read by
`{text_model}`, which transformers loads when the first caption is embedded.
"""

TEXT_BRANCH_CARD = """\
# A model to be trained

The text branch is `{source}`, under its own licence. Everything else is random: train the motion VAE first, then

    bimotion train stage1 --init-from {out} --vae RUN --data DATA --out RUN2 --preset {preset}
"""


@dataclass(frozen=True)
class ImportWeights:
    """Convert published or pretrained weights to a folder that bimotion reads.

    Code in a checkpoint is never executed. If any weight does not fit, nothing is written.

    what CKPT can be:
      a MotionGPT3 checkpoint       OUT is a model folder; needs --stats and GPT-2's tokenizer
      a motion VAE of MLD           OUT is a VAE folder for `bimotion train stage1 --vae OUT`; needs --stats
      the published evaluator (finest.tar)
                                    OUT is for `bimotion evaluate --evaluator OUT`; needs --stats, --glove and --texts
      TMR (the folder of a run, or a checkpoint)
                                    OUT is for `bimotion evaluate --evaluator OUT` and `search`; needs --stats
      a GPT-2 or Llama-family model (with --text-branch)
                                    OUT is a model folder that training starts from

    examples:
      bimotion import-weights motiongpt3.ckpt models/published --stats HumanML3D
      bimotion import-weights motiongpt3.ckpt models/published --stats HumanML3D --tokenizer deps/gpt2
      bimotion import-weights hf:HuggingFaceTB/SmolLM2-135M models/smollm2 --text-branch
      bimotion import-weights SmolLM2-135M.gguf models/smollm2 --text-branch
      bimotion import-weights text_mot_match/model/finest.tar evaluators/published --stats Comp_v6_KLD01/meta \\
        --glove glove --texts HumanML3D/texts
      bimotion import-weights tmr_humanml3d_guoh3dfeats evaluators/tmr --stats stats/humanml3d/guoh3dfeats
    """

    source: Annotated[Positional[str], arg(metavar="CKPT")]
    """The checkpoint; with --text-branch a folder, a .gguf file or hf:OWNER/NAME."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """The folder to create."""
    stats: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(published weights need it)")] = None
    """HumanML3D's folder with Mean.npy and Std.npy, TMR's with mean.pt and std.pt, or an npz with mean and std."""
    tokenizer: Annotated[str | None, arg(metavar="DIR", help_behavior_hint="(default: from the Hub)")] = None
    """GPT-2's tokenizer: a folder with tokenizer.json, or vocab.json and merges.txt, or hf:OWNER/NAME."""
    glove: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(the published evaluator only)")] = (
        None
    )
    """The folder with our_vab_data.npy and our_vab_words.pkl; CKPT is then read as the published evaluator."""
    texts: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(the published evaluator only)")] = (
        None
    )
    """HumanML3D's folder of captions with part-of-speech tags."""
    text_model: Annotated[
        str | None, arg(metavar="DIR", help_behavior_hint="(TMR only; default: DistilBERT)")
    ] = None
    """The language model that TMR was trained with: a folder or hf:OWNER/NAME."""
    text_branch: Flag = False
    """Read CKPT as a language model, and create an untrained model with it as the text branch."""
    preset: PresetName = "gpt2"
    """With --text-branch: preset for the sizes of all parts except the transformer."""
    layers: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None
    """With --text-branch: keep only the first N layers."""
    vocab_size: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all)")] = None
    """With --text-branch: keep only the N most frequent text tokens."""
    keep_words: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: none)")] = None
    """With --vocab-size: a text file; the tokens of its words are kept."""
    motion_width: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the text's)")] = None
    """With --text-branch: width of the motion branch."""
    motion_ff_width: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the text's)")] = (
        None
    )
    """With --text-branch: inner width of the motion branch's feed-forward layers."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """With --text-branch: makes the random weights repeatable."""
    heads: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: width / 64)")] = None
    """Number of attention heads of a published transformer, which a checkpoint does not store."""
    dtype: Literal["float32", "float16"] = "float32"
    """Data type of the written weights."""

    def run(self) -> None:
        """Read everything, then write."""
        self._check_options()
        if self.text_branch:
            self._write(*self._language_model(), TEXT_BRANCH_CARD)
            return
        tmr = self._is_tmr()
        if self.text_model is not None and not tmr:
            raise UsageError("--text-model is for TMR only")
        from bimotion.interop.official import holds_language_model

        whole = self.glove is None and not tmr and holds_language_model(self.source)
        if self.stats is None:
            files = "TMR's mean.pt and std.pt" if tmr else "HumanML3D's Mean.npy and Std.npy"
            raise UsageError(
                "--stats is missing: published weights lack the mean and standard deviation of the features; "
                f"give the folder with {files}"
            )
        if tmr:
            self._write_tmr(self.stats)
        elif self.glove is not None and self.texts is not None:
            self._write_evaluator(self.stats, self.glove, self.texts)
        elif whole:
            self._write(*self._published(self.stats), PUBLISHED_CARD)
        else:
            self._write_vae(self.stats)

    def _check_options(self) -> None:
        """Refuse an output that exists, and options that exclude each other."""
        if not self.out.name:
            raise UsageError(f"{self.out}: expected the name of a folder to create")
        if self.out.is_file() or (self.out.is_dir() and any(self.out.iterdir())):
            raise UsageError(f"{self.out} exists already; move it, or choose another folder")
        if (self.glove is None) != (self.texts is None):
            raise UsageError("--glove and --texts must be given together: the published evaluator needs both")
        if self.text_branch:
            if self.glove is not None:
                raise UsageError("--glove and --texts cannot be combined with --text-branch")
            if (self.stats, self.tokenizer, self.heads) != (None, None, None):
                raise UsageError("--stats, --tokenizer and --heads cannot be combined with --text-branch")

    def _is_tmr(self) -> bool:
        """Whether the source is a TMR folder; other folders and missing files are refused."""
        from bimotion.interop.tmr import is_tmr

        path = Path(self.source)
        if not path.exists():
            raise UsageError(f"{self.source}: no such file (a language model is read with --text-branch)")
        tmr = self.glove is None and is_tmr(path)
        if path.is_dir() and not tmr:
            raise UsageError(
                f"{self.source}: a folder without TMR's text_encoder.pt and motion_encoder.pt (a language model is "
                "read with --text-branch)"
            )
        return tmr

    def _published(self, stats_path: Path) -> "tuple[MotionLanguage, MotionTokenizer]":
        import torch

        from bimotion.interop.assets import GPT2, read_statistics, read_tokenizer
        from bimotion.interop.official import read_official
        from bimotion.models.weights import check_tokenizer

        stats = read_statistics(stats_path)
        model = read_official(self.source, self.heads)
        tokenizer = read_tokenizer(self.tokenizer or GPT2, model.config.slots)
        check_tokenizer(model.config, tokenizer)
        model.feature_mean.copy_(torch.from_numpy(stats.mean.copy()))
        model.feature_std.copy_(torch.from_numpy(stats.std.copy()))
        return model, tokenizer

    def _language_model(self) -> "tuple[MotionLanguage, MotionTokenizer]":
        from bimotion.interop.text_branch import BranchSizes, text_branch_model
        from bimotion.models.presets import preset
        from bimotion.models.pretrained import read_pretrained
        from bimotion.storage.texts import read_text, text_lines

        texts: tuple[str, ...] = ()
        if self.keep_words is not None:
            texts = tuple(text_lines(read_text(self.keep_words, UsageError)))
        branches = BranchSizes(self.layers, self.vocab_size, texts, self.motion_width, self.motion_ff_width)
        language = read_pretrained(self.source)
        return text_branch_model(language, preset(self.preset), self.source, self.seed, branches)

    def _write(self, model: "MotionLanguage", tokenizer: "MotionTokenizer", card: str) -> None:
        import torch

        from bimotion.models.weights import save_model
        from bimotion.training.folders import replaced_folder

        source = Path(self.source).name if Path(self.source).exists() else self.source
        text = card.format(source=source, out=self.out, preset=self.preset)
        with replaced_folder(self.out) as partial:
            save_model(model, partial, tokenizer, text, dtype=getattr(torch, self.dtype))
        count = sum(parameter.numel() for parameter in model.parameters())
        say(f"{self.out}: a model folder, {count / 1e6:.1f} million parameters")

    def _write_vae(self, stats_path: Path) -> None:
        from bimotion.interop.assets import read_statistics
        from bimotion.interop.official import read_official_vae
        from bimotion.training.vae.folder import save_vae

        stats, vae = read_statistics(stats_path), read_official_vae(self.source)
        save_vae(vae, stats, self.out, step=0)
        count = sum(parameter.numel() for parameter in vae.parameters())
        say(f"{self.out}: a VAE folder, {count / 1e6:.1f} million parameters")

    def _write_evaluator(self, stats_path: Path, glove: Path, texts: Path) -> None:
        from bimotion.evaluators.folder import PublishedParts, save_published
        from bimotion.interop.assets import read_statistics
        from bimotion.interop.evaluator import (
            read_published_evaluator,
            read_tagged_captions,
            read_word_vectors,
        )
        from bimotion.training.folders import replaced_folder

        parts = PublishedParts(
            read_published_evaluator(self.source),
            read_word_vectors(glove),
            read_statistics(stats_path),
            read_tagged_captions(texts),
        )
        with replaced_folder(self.out) as partial:
            save_published(parts, partial, EVALUATOR_CARD.format(source=Path(self.source).name))
        say(f"{self.out}: an evaluator, which knows {len(parts.tagged)} captions")

    def _write_tmr(self, stats_path: Path) -> None:
        from bimotion.evaluators.folder import TmrParts, save_tmr
        from bimotion.interop.tmr import read_tmr, read_tmr_statistics
        from bimotion.training.folders import replaced_folder

        parts = TmrParts(read_tmr(self.source, self.text_model), read_tmr_statistics(stats_path))
        text_model = parts.network.config.text_model
        with replaced_folder(self.out) as partial:
            save_tmr(parts, partial, TMR_CARD.format(source=Path(self.source).name, text_model=text_model))
        say(f"{self.out}: an evaluator, whose captions {text_model} reads")
