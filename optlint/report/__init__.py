"""Findings and verdicts in the formats of people and of other programs."""
