"""What torch has: optimizers, schedulers and modules, as tables."""
