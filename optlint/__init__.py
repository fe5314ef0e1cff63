"""optlint: a static analyser, autofixer and verifier for PyTorch training code."""

__version__ = "0.1.0"
