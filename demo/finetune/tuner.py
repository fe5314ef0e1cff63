"""Fine-tuning in two stages: the head alone, then the body with it."""

import torch
import torch.nn.functional as F

from warmup import warm_up


class FineTuner:
    def __init__(self, model, optimizer, scheduler, frozen_epochs):
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.frozen_epochs = frozen_epochs
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]

    def unfreeze_body(self):
        for p in self.model.body.parameters():
            p.requires_grad = True

    def train_epoch(self, batches, epoch):
        self.model.train()
        total = 0.0
        for i, (tokens, moods) in enumerate(batches):
            if epoch == 0:
                warm_up(self.optimizer, self.base_lrs, (i + 1) / len(batches))
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(tokens), moods)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            total += loss.item()
        return total / len(batches)

    @torch.no_grad()
    def accuracy(self, batches):
        self.model.eval()
        right = sum((self.model(tokens).argmax(dim=1) == moods).sum().item() for tokens, moods in batches)
        return right / sum(len(moods) for _, moods in batches)

    def fit(self, train_batches, test_batches, epochs):
        for epoch in range(epochs):
            if epoch == self.frozen_epochs:
                self.unfreeze_body()
            loss = self.train_epoch(train_batches, epoch)
            self.scheduler.step()
            lr = self.scheduler.get_last_lr()[0]
            print(f"epoch {epoch + 1}: lr {lr:.4f}, loss {loss:.3f}, accuracy {self.accuracy(test_batches):.1%}")
