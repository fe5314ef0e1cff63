"""Which parameters an optimizer holds, and which of them are meant to learn."""
