"""Golden tests of the program model: what the printer shows for small programs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from optlint.program.dump import dump_file


def _dump(tmp_path: Path, text: str) -> str:
    path = tmp_path / "train.py"
    path.write_text(dedent(text))
    return dump_file(path, path.read_bytes())


def test_a_loop_with_a_helper_is_shown_with_its_events_and_lines(tmp_path: Path) -> None:
    text = """\
        import torch
        from torch import nn

        def update(loss, optim):
            optim.zero_grad()
            loss.backward()
            optim.step()

        net = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for x in batches:
            update(net(x).mean(), optimizer)
        """
    assert _dump(tmp_path, text) == dedent(
        """\
        entry <module>
            net: module
            parameteriterator: parameters net (one-shot)
            optimizer: SGD over net
            new parameteriterator  @10
            consume parameteriterator  @10
            new optimizer  @10
            loop  @11
                forward net  @12
                call update  @12
                    clear optimizer  @5
                    backward net  @6
                    step optimizer  @7
        """
    )


def test_exclusive_branches_make_one_optimizer_of_two_classes(tmp_path: Path) -> None:
    text = """\
        import torch

        def build(net, adam):
            if adam:
                opt = torch.optim.Adam([net.w])
            else:
                opt = torch.optim.SGD([net.w], lr=0.1)
            opt.step()
        """
    assert "opt: Adam|SGD over" in _dump(tmp_path, text)


def test_a_guard_that_is_tested_twice_is_shown_with_one_name(tmp_path: Path) -> None:
    text = """\
        import torch

        def train(opt, loss, amp):
            if amp:
                opt.zero_grad()
            if not amp:
                opt.step()
        """
    printed = _dump(tmp_path, text)
    assert "branch amp" in printed
    assert "branch not amp" in printed


def test_methods_are_entered_after_the_constructor(tmp_path: Path) -> None:
    text = """\
        import torch

        class Trainer:
            def __init__(self, net):
                self.optimizer = torch.optim.Adam(net.parameters())

            def fit(self):
                self.optimizer.step()
        """
    printed = _dump(tmp_path, text)
    assert "entry Trainer.fit" in printed
    assert printed.index("new self.optimizer", printed.index("entry Trainer.fit")) < printed.index(
        "step self.optimizer"
    )
