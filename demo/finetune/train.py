"""Teaches a pretrained reader to tell cheerful sentences from gloomy ones."""

import torch
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR

from data import WORDS, make_batches
from model import freeze, load_pretrained
from tuner import FineTuner

EPOCHS = 8
FROZEN_EPOCHS = 3


def main():
    torch.manual_seed(0)
    model = load_pretrained(WORDS)
    freeze(model.embedding, model.body)
    trainable = [p for p in model.parameters() if p.requires_grad]
    print(f"{sum(p.numel() for p in trainable)} of {sum(p.numel() for p in model.parameters())} numbers are trained")

    optimizer = optim.AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=0.01, weight_decay=0.01)
    scheduler = CosineAnnealingLR(optimizer, T_max=EPOCHS)
    model.head = nn.Linear(model.head.in_features, 2)
    tuner = FineTuner(model, optimizer, scheduler, FROZEN_EPOCHS)
    tuner.fit(make_batches(20, seed=1), make_batches(5, seed=2), EPOCHS)


if __name__ == "__main__":
    main()
