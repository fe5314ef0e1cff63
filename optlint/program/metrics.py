"""Names of metrics: which way a value goes that gets better, told by what it is called."""

from __future__ import annotations

import re

_SMALLER = frozenset(
    """
    loss losses err error errors mae mse rmse mape nll bce ce ppl perplexity wer cer fid lpips epe rmsle eer
    """.split()
)
_LARGER = frozenset(
    """
    acc accuracy accuracies accs f1 auc auroc auprc map iou miou dice bleu rouge meteor cider psnr ssim r2 precision
    recall acc1 acc5 top1 top5 prec1 prec5 prec reward rewards ndcg mrr kappa mcc specificity sensitivity
    """.split()
)
_NEITHER = frozenset("metric metrics score scores fitness performance".split())
_PASSED_OVER = frozenset(
    """
    avg average mean val valid validation value test dev train training total sum meter tensor item list history
    macro micro weighted global now current cur mov ema ma smooth smoothed
    """.split()
)
"""Words behind the one that says what a value is: `loss_avg`, `acc_val`."""
_TURNED = frozenset("neg negative minus inv inverse inverted one".split())
_COUNTS = frozenset("num n nb count".split())
_WORDS = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|\d+")


def metric_direction(name: str) -> int | None:
    """Return -1 where what goes by a name gets better by falling, 1 by growing, 0 where the name leaves that open.

    None is for names of something else. The last word of a name decides: `val_acc_loss` is a loss.
    """
    if name in ("mAP", "m_ap"):
        return 1
    words = [word.lower() for word in _WORDS.findall(name.replace("IoU", "Iou").replace("mIou", "miou"))]
    while words and (words[-1] in _PASSED_OVER or words[-1].isdigit()):
        del words[-1]
    if not words or words[0] in _COUNTS:
        return None
    if words[-1] in _NEITHER:
        return 0
    if words[-1] not in _SMALLER | _LARGER:
        return None
    return 0 if _TURNED.intersection(words) else 1 if words[-1] in _LARGER else -1
