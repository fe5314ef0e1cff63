"""Rules about mixed precision: the gradient scaler and what it asks of a training step."""
