"""A script that a worker runs before all others, so that they find done what Python and torch do once a process.

There is no backward in it: autograd may start threads on the first one, and no fork inherits threads.
"""

from __future__ import annotations

SCRIPT = """
nn = torch.nn
class Trainer(standin.Open):
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 2)
        self.scaler = torch.amp.GradScaler('cuda')
    def fit(self, loader, epochs):
        for epoch in range(epochs):
            for inputs, targets in loader:
                self.optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self.model(inputs), targets)
                for p in self.model.parameters():
                    p.grad = torch.ones_like(p)
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                if inputs.mean() > 0.5:
                    self.optimizer.step()
            self.scheduler.step()
loader = standin.unknown('loader')
epochs = standin.unknown('epochs')
model = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 1))
Trainer(model).fit(loader, epochs)
Trainer(standin.model('model', 'head')).fit([(torch.rand(2, 4), torch.rand(2, 1))], 2)
"""
