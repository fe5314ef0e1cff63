"""From a program and one of its entries to a replay script: a backward slice with stand-ins for all else."""
