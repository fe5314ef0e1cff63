"""Rules about the schedulers' own interface and pace."""
