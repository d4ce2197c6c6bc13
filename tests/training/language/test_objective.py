"""Which parameters a language stage trains."""

import torch

from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.training.language.objective import WORDS, LanguageLossConfig, LanguageObjective


def test_lower_layers_of_the_text_branch_and_the_words_stay_frozen() -> None:
    torch.manual_seed(0)
    model = MotionLanguage(preset("micro"))
    LanguageObjective(
        model, LanguageLossConfig(), ("text", "motion"), freeze_words=True, frozen_text_layers=1
    )
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    text = {name for name, _ in model.mixture.text.named_parameters(prefix="mixture.text")}
    frozen = {name for name in text if name.startswith("mixture.text.layers.0.")} | {WORDS}
    assert frozen
    assert text - trained == frozen
    assert any(name.startswith("mixture.motion.layers.0.") for name in trained)
