"""Choices that depend on the kind of processor."""

import pytest
import torch

from bimotion.models.processor import is_amd, kernel_rows, multiplies_bf16


@pytest.mark.parametrize(
    ("found", "instructions", "bf16", "rows"),
    [
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, "AVX512", True, 1 << 14),
        ({"cpu_name": "AMD EPYC"}, "AVX2", False, 1 << 14),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True}, "AVX512", False, 32),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True, "amx_bf16": True}, "AVX512", True, 32),
        ({"cpu_name": "Neoverse", "bf16": True}, "DEFAULT", True, 1 << 14),
        ({}, "AVX512", False, 32),
    ],
)
def test_choices_for_kinds_of_processors(
    found: dict[str, object], instructions: str, bf16: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    assert (multiplies_bf16(), kernel_rows()) == (bf16, rows)
    assert is_amd() == str(found.get("cpu_name", "")).startswith("AMD")
