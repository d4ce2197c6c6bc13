"""Each candidate of an entry has noise of its own."""

import torch

from bimotion.inference.settings import Sampling


def test_no_two_draws_of_a_seed_have_the_same_noise() -> None:
    sampling = Sampling(7)
    numbers = [candidate + part for part in (0, 1000, 2000) for candidate in range(100)]
    draws = [(entry, number) for entry in range(3) for number in numbers]
    noise = torch.stack([torch.randn(16, generator=sampling.generator(*draw)) for draw in draws])
    assert len(torch.unique(noise, dim=0)) == len(draws)
