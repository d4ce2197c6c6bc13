import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.evaluators.caption_batch import token_batch
from bimotion.models.tokens import MotionTokenizer


def test_captions_are_tidied_padded_and_cut() -> None:
    tokenizer = MotionTokenizer.train(["a person walks forward.", "someone waves."], 300, slots=1)
    ids, mask = token_batch(tokenizer, ["A person  walks forward", "someone waves."], 48)
    assert ids[0, mask[0]].tolist() == tokenizer.encode("a person walks forward.")
    assert ids[1, mask[1]].tolist() == tokenizer.encode("someone waves.")
    assert not ids[~mask].any()
    cut, valid = token_batch(tokenizer, ["A person  walks forward", "someone waves."], 2)
    torch.testing.assert_close(cut, ids[:, :2])
    assert valid.all()
    with pytest.raises(ConfigError, match="the text is empty"):
        token_batch(tokenizer, ["a", " "], 48)
