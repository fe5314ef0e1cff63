"""Trains a small residual network: python train.py --epochs 6"""

import argparse

import torch

from data import CORNERS, make_loaders
from model import SmallResNet
from trainer import Trainer


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    train_loader, val_loader = make_loaders(args.batch_size)
    trainer = Trainer(
        SmallResNet(classes=len(CORNERS)),
        lr=args.lr,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
    trainer.fit(train_loader, val_loader, args.epochs)
    print(f"best accuracy {trainer.best_accuracy:.1%}")


if __name__ == "__main__":
    main()
