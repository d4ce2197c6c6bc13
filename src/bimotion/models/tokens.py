"""Text and motion slots as one sequence of token ids.

Ids below `text_vocab_size` are text, the four above it are motion. The last two text ids open and close a
motion.

    ..., <start_of_motion>, <end_of_motion> | <masked_motion>, <pad_motion>, <.._holder_output>, <.._holder>
         text_vocab_size-2, -1              | +0               +1            +2 out slot         +3 in slot

Source: the published vocabulary of MotionGPT3 (Zhu et al. 2025), section 3.3, with GPT-2's byte-level BPE.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from bimotion.captions.sentence import END, EOS, IN_SLOT, MASKED, OUT_SLOT, SPECIAL_TOKENS, START
from bimotion.errors import ModelError
from bimotion.storage.files import read_bytes
from bimotion.storage.json_files import parse_json
from bimotion.storage.texts import decode_text

NUM_MOTION_TOKENS = 4
"""Rows of the motion embedding: masked, pad, out slot, in slot."""

MAX_SLOTS = 1024
"""Most slots of a motion."""

MAX_TOKENIZER_BYTES = 64 << 20
"""Largest `tokenizer.json` that is read."""


@dataclass(frozen=True)
class SpecialIds:
    """Ids of the special tokens in a vocabulary."""

    text_vocab_size: int
    """Ids of the text branch, with the end token and the two motion brackets."""
    eos: int
    """The token that ends an answer."""

    @property
    def start(self) -> int:
        """Opens a motion; a text token."""
        return self.text_vocab_size - 2

    @property
    def end(self) -> int:
        """Closes a motion; a text token."""
        return self.text_vocab_size - 1

    @property
    def masked(self) -> int:
        """A slot of a motion that is to be filled in."""
        return self.text_vocab_size

    @property
    def out_slot(self) -> int:
        """A slot whose hidden state conditions the diffusion head."""
        return self.text_vocab_size + 2

    @property
    def in_slot(self) -> int:
        """A slot that holds the embedding of a context motion."""
        return self.text_vocab_size + 3


@dataclass(frozen=True)
class TokenSequence:
    """A prompt and its answer as ids; the answer is empty when the model generates it."""

    prompt: tuple[int, ...]
    """Ids of the prompt."""
    answer: tuple[int, ...] = ()
    """Ids of the training target: text with the end token, or an opened motion up to its last slot."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids, the prompt first."""
        return self.prompt + self.answer


def from_library(make: Callable[[], tokenizers.Tokenizer], refusal: str) -> tokenizers.Tokenizer:
    """A tokenizer that the tokenizers library creates from data that may be damaged.

    Raises:
        ModelError: it cannot; the library raises bare Exception, and panics (a BaseException) on some vocabularies.
    """
    try:
        return make()
    except Exception as error:
        raise ModelError(f"{refusal} ({error})") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ModelError(f"{refusal} ({error})") from None


class MotionTokenizer:
    """Byte-level BPE with the motion tokens: strings to sequences and back."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, slots: int = 4) -> None:
        if not 1 <= slots <= MAX_SLOTS:
            raise ModelError(f"slots must lie in 1..{MAX_SLOTS}, got {slots}")
        vocabulary = tokenizer.get_vocab()
        if EOS not in vocabulary:
            raise ModelError(f"the tokenizer has no {EOS} token, which ends an answer")
        if not any(token in vocabulary for token in SPECIAL_TOKENS):
            specials = [
                tokenizers.AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS
            ]
            tokenizer.add_special_tokens(specials)
        ids = [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS]
        vocabulary = tokenizer.get_vocab()
        size = len(vocabulary)
        if sorted(vocabulary.values()) != list(range(size)):
            raise ModelError(f"the tokenizer's ids must be 0 to {size - 1}, each once")
        if ids != list(range(size - len(SPECIAL_TOKENS), size)):
            raise ModelError(
                f"the motion tokens must be the last {len(SPECIAL_TOKENS)} of the tokenizer's {size} ids, "
                f"in the order {', '.join(SPECIAL_TOKENS)}; their ids are {ids}"
            )
        self.tokenizer = tokenizer
        self.slots = slots
        eos = tokenizer.token_to_id(EOS)
        assert eos is not None
        self.special = SpecialIds(size - NUM_MOTION_TOKENS, eos)
        self.motion_in = START + IN_SLOT * slots + END
        self.motion_out = START + OUT_SLOT * slots + END
        self.motion_masked = MASKED * slots
        self.motion_hole = self.motion_in + self.motion_masked + self.motion_in

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int, slots: int = 4) -> "MotionTokenizer":
        """A byte-level BPE trained on `texts`, with a text vocabulary of at most `vocab_size` ids."""
        bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
        bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size - 2,
            special_tokens=[EOS],
            initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        bpe.train_from_iterator(texts, trainer=trainer)
        return cls(bpe, slots)

    @classmethod
    def from_file(cls, path: Path, slots: int = 4) -> "MotionTokenizer":
        """The tokenizer in a `tokenizer.json`.

        Raises:
            ModelError: the file is missing or is not one.
        """
        data = read_bytes(path, ModelError, max_bytes=MAX_TOKENIZER_BYTES)
        parse_json(
            data, path, ModelError
        )  # the library takes duplicate keys, and its own depth limit is a crash
        text = decode_text(data, path, ModelError)
        bpe = from_library(lambda: tokenizers.Tokenizer.from_str(text), f"{path}: not a tokenizer.json")
        try:
            return cls(bpe, slots)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ModelError(f"{path}: not a tokenizer.json ({error})") from None

    def to_json(self) -> str:
        """The contents of `tokenizer.json`."""
        text: str = self.tokenizer.to_str()
        return text

    def encode(self, text: str) -> list[int]:
        """Ids of a string; special tokens written in it count as such."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The string of ids, special tokens written out."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def caption(self, ids: Sequence[int]) -> str:
        """The caption in generated ids: up to the end token, in one line, without special tokens."""
        ids = list(ids)
        if self.special.eos in ids:
            ids = ids[: ids.index(self.special.eos)]
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return " ".join(text.split())

    def sequence(self, prompt: str, answer: str) -> TokenSequence:
        """A training pair: `prompt`, space, newline, space, `answer`, then the end token.

        An answer that ends in a motion stops at its last slot: the tokens after it are neither trained nor read.
        """
        ids = self.encode(f" {answer}")
        ids = ids[:-1] if answer.endswith(OUT_SLOT + END) else [*ids, self.special.eos]
        return TokenSequence(self._prompt(prompt), tuple(ids))

    def plain(self, text: str) -> TokenSequence:
        """A text as training data without a prompt: enclosed in end tokens."""
        return TokenSequence((self.special.eos,), (*self.encode(text), self.special.eos))

    def text_request(self, prompt: str) -> TokenSequence:
        """A prompt that the model answers with text."""
        return TokenSequence(self._prompt(prompt))

    def motion_request(self, prompt: str) -> TokenSequence:
        """A prompt that the model answers with a motion: it ends in slots that the diffusion head reads."""
        return TokenSequence(self._prompt(prompt), tuple(self.encode(f" {self.motion_out}")[:-1]))

    def _prompt(self, prompt: str) -> tuple[int, ...]:
        return tuple(self.encode(f"{prompt} \n"))

    def shorten(self, sequence: TokenSequence, limit: int) -> TokenSequence:
        """`sequence` with words cut from the end of its prompt so that it has at most `limit` tokens.

        Slots, brackets, the prompt's closing newline and the answer stay.

        Raises:
            ModelError: more than `limit` tokens would be left without any words.
        """
        surplus = len(sequence) - limit
        if surplus <= 0:
            return sequence
        closing = len(self.encode(" \n"))
        kept = list(sequence.prompt)
        for index in range(len(kept) - closing - 1, -1, -1):
            if surplus and kept[index] < self.special.start:
                del kept[index]
                surplus -= 1
        if surplus:
            raise ModelError(f"a sequence of {len(sequence)} tokens cannot be cut to {limit}")
        return TokenSequence(tuple(kept), sequence.answer)
