"""Strings to ids: the published encoding, and what our sequences hold."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import ModelError
from bimotion.models.tokens import OUT_SLOT, MotionTokenizer, TokenSequence


def test_published_ids_are_reproduced(goldens: Path, gpt2_tokenizer: MotionTokenizer) -> None:
    cases = json.loads((goldens / "tokenizer_cases.json").read_text())
    assert gpt2_tokenizer.special.text_vocab_size == cases["text_vocab_size"]
    for case in cases["cases"]:
        assert gpt2_tokenizer.encode(case["text"]) == case["ids"]
        assert gpt2_tokenizer.decode(case["ids"]) == case["decoded"]


def test_sequences_are_what_the_published_code_trains_on(gpt2_tokenizer: MotionTokenizer) -> None:
    tokens = gpt2_tokenizer
    motion_in, motion_out = tokens.motion_in, tokens.motion_out
    captioned = tokens.sequence(f"Generate text: {motion_in}", "a person jumps")
    assert captioned.ids == tuple(tokens.encode(f"Generate text: {motion_in} \n a person jumps<|endoftext|>"))
    moved = tokens.sequence("a person walks", motion_out)
    assert (*moved.ids, tokens.special.end) == tuple(tokens.encode(f"a person walks \n {motion_out}"))
    assert tokens.motion_request("a person walks") == moved
    assert tokens.text_request(f"Generate text: {motion_in}").ids == captioned.prompt


def test_caption_ends_at_the_end_token(tokenizer: MotionTokenizer) -> None:
    ids = tokenizer.encode(" a person\n walks <motion_latent_holder>")
    assert tokenizer.caption([*ids, tokenizer.special.eos, *ids]) == "a person walks"


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=30))
def test_any_text_comes_back(tokenizer: MotionTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_file_round_trip_keeps_the_ids(tokenizer: MotionTokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json())
    again = MotionTokenizer.from_file(path)
    text = f"a person waves {again.motion_hole}"
    assert again.special == tokenizer.special
    assert again.encode(text) == tokenizer.encode(text)


def test_long_prompts_lose_words_but_no_slots(tokenizer: MotionTokenizer) -> None:
    words = "walks " * 40
    sequence = tokenizer.sequence(f"Continue {tokenizer.motion_in} {words}", tokenizer.motion_out)
    short = tokenizer.shorten(sequence, 40)
    special = tokenizer.special
    assert len(short) == 40
    assert short.answer == sequence.answer
    assert short.prompt.count(special.in_slot) == 4
    assert short.prompt[-2:] == sequence.prompt[-2:]
    assert short.prompt[:8] == sequence.prompt[:8]
    assert tokenizer.shorten(sequence, len(sequence)) is sequence
    with pytest.raises(ModelError, match="cannot be cut to 5"):
        tokenizer.shorten(sequence, 5)


def test_plain_text_is_learnt_whole(tokenizer: MotionTokenizer) -> None:
    eos = tokenizer.special.eos
    assert tokenizer.plain("a hand") == TokenSequence((eos,), (*tokenizer.encode("a hand"), eos))


def test_wrong_files_are_named(tokenizer: MotionTokenizer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        MotionTokenizer.from_file(tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(ModelError, match="broken.json: not a tokenizer.json"):
        MotionTokenizer.from_file(broken)
    data = json.loads(tokenizer.to_json())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != OUT_SLOT]
    broken.write_text(json.dumps(data))
    with pytest.raises(ModelError, match="must be the last 6"):
        MotionTokenizer.from_file(broken)


def test_a_vocabulary_on_which_the_library_panics_is_refused(
    tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    data = json.loads(tokenizer.to_json())
    data["model"]["continuing_subword_prefix"] = "#" * 40  # longer than the tokens it should begin
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ModelError, match=r"tokenizer.json: not a tokenizer.json \(range end index"):
        MotionTokenizer.from_file(tmp_path / "tokenizer.json")
