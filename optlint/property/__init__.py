"""Specification patterns, compiled to automata, and their search over the program model."""
