"""The replay: a finding's loop runs, as written and as fixed, and what happens is compared with the reference.

Modules that run in the child process import torch (`recorder`, `standin`, `worker` and what they use); those of the
parent never do.
"""
