"""Learns a ring of points with a small GAN, and keeps a running average of the generator."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import optim

from networks import Discriminator, Generator

BATCH = 128
BATCHES_PER_EPOCH = 40


def ring(count, device):
    angle = 2 * math.pi * torch.rand(count, device=device)
    radius = 1 + 0.05 * torch.randn(count, device=device)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def train_discriminator(netG, netD, optimizerD, real):
    with torch.no_grad():
        fake = netG.sample(len(real), real.device)
    scores_real, scores_fake = netD(real), netD(fake)
    loss = F.softplus(-scores_real).mean() + F.softplus(scores_fake).mean()
    loss.backward()
    optimizerD.step()
    return loss.item()


def train_generator(netG, netD, optimizerG, count, device):
    netD.requires_grad_(False)
    fake = netG.sample(count, device)
    loss = F.softplus(-netD(fake)).mean()
    loss.backward()
    optimizerG.zero_grad()
    optimizerG.step()
    netD.requires_grad_(True)
    return loss.item()


@torch.no_grad()
def update_average(average, net, decay=0.99):
    for slow, new in zip(average.parameters(), net.parameters()):
        slow.lerp_(new, 1 - decay)


def main(epochs=30):
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    netG, netD = Generator().to(device), Discriminator().to(device)
    average = copy.deepcopy(netG).requires_grad_(False)

    optimizerG = optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.99))
    optimizerD = optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.99))
    schedulerG = optim.lr_scheduler.ExponentialLR(optimizerG, gamma=0.98, verbose=True)
    schedulerD = optim.lr_scheduler.ExponentialLR(optimizerD, gamma=0.98)

    for epoch in range(epochs):
        for _ in range(BATCHES_PER_EPOCH):
            loss_d = train_discriminator(netG, netD, optimizerD, ring(BATCH, device))
            loss_g = train_generator(netG, netD, optimizerG, BATCH, device)
            update_average(average, netG)
        schedulerG.step()
        schedulerD.step()
        radius = average.sample(1000, device).norm(dim=1)
        print(f"epoch {epoch + 1}: D {loss_d:.3f}, G {loss_g:.3f}, radius {radius.mean():.2f} +- {radius.std():.2f}")


if __name__ == "__main__":
    main()
