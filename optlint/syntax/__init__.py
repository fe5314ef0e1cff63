"""Statements and expressions of a file, and the edits that mend them."""
