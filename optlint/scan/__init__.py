"""Which files are read, and which of them matter."""
