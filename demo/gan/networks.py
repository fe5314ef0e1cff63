"""A generator and a discriminator of points in the plane."""

import torch
from torch import nn


class Generator(nn.Module):
    def __init__(self, latent=8, width=64):
        super().__init__()
        self.latent = latent
        self.layers = nn.Sequential(
            nn.Linear(latent, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )

    def forward(self, noise):
        return self.layers(noise)

    def sample(self, count, device):
        return self(torch.randn(count, self.latent, device=device))


class Discriminator(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, points):
        return self.layers(points).squeeze(1)
