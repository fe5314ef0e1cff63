"""Files as bytes and text, edits on them, and writing them back."""
