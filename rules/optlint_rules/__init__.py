"""The rules that come with optlint."""

REQUIRES_API = 1
