"""A linear warm-up, set by hand."""


def warm_up(optimizer, base_lrs, fraction):
    """Set each group's rate to `fraction` of its base rate; a fraction of 1 ends the warm-up."""
    for group, base_lr in zip(optimizer.param_groups, base_lrs):
        group["lr"] = base_lr * min(1.0, fraction)
