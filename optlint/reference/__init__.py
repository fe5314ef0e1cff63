"""The reference: every optimizer and schedule of torch as the mathematics says.

It needs torch, of which it takes the tensors and nothing of `torch.optim`. Begin with `updates.adam` to read what an
optimizer does, with `schedules.cosine` for a schedule; `optimizer.ReferenceOptimizer` and
`scheduler.ReferenceScheduler` walk beside a torch object and say where the two part.
"""
