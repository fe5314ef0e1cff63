"""Trains a classifier and keeps its best state."""

import copy

import torch
from torch import nn
from torch.optim import Adagrad
from torch.optim.lr_scheduler import StepLR


class Trainer:
    def __init__(self, model, lr, device):
        self.model = model
        self.device = torch.device(device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
        self.optimizer = Adagrad(model.parameters(), lr=lr, weight_decay=1e-4)
        self.scheduler = StepLR(self.optimizer, step_size=2, gamma=0.5)
        self.model.to(self.device)
        self.best_accuracy = 0.0
        self.best_state = None

    def fit(self, train_loader, val_loader, epochs):
        for epoch in range(epochs):
            self.scheduler.step()
            loss = self.train_epoch(train_loader)
            accuracy = self.evaluate(val_loader)
            self.report(epoch, loss, accuracy)
            if accuracy > self.best_accuracy:
                self.best_accuracy = accuracy
                self.best_state = copy.deepcopy(self.model.state_dict())
        if self.best_state is not None:
            self.model.load_state_dict(self.best_state)

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for images, labels in loader:
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(images), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=5.0)
            self.optimizer.step()
            total += loss.item() * len(labels)
        return total / len(loader.dataset)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        right = 0
        for images, labels in loader:
            scores = self.model(images.to(self.device))
            right += (scores.argmax(dim=1).cpu() == labels).sum().item()
        return right / len(loader.dataset)

    def report(self, epoch, loss, accuracy):
        lr = self.scheduler.get_lr()[0]
        print(f"epoch {epoch + 1}: lr {lr:.4f}, loss {loss:.3f}, accuracy {accuracy:.1%}")
