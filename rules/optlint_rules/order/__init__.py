"""Rules about the order of the events of a training step."""
