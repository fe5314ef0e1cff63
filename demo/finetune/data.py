"""Sentences of made-up words; some words are cheerful, some are gloomy, most say nothing."""

import torch

WORDS = 300
CHEERFUL, GLOOMY = range(0, 20), range(20, 40)


def make_batches(count, batch_size=32, length=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for _ in range(count):
        tokens = torch.randint(40, WORDS, (batch_size, length), generator=generator)
        moods = torch.randint(0, 2, (batch_size,), generator=generator)
        hints = torch.randint(0, 20, (batch_size, 3), generator=generator)
        tokens[:, :3] = hints + 20 * (1 - moods)[:, None]
        batches.append((tokens, moods))
    return batches
