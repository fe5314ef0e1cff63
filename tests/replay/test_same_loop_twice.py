"""A file that has the same faulty loop several times: each finding is judged by its own, each fix by its own lines."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import FIXTURES, catalog
from optlint.engine import Engine
from optlint.replay.cases import Case, cases
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.verdict import FindingVerdict, FixVerdict
from optlint.replay.verify import Setting, flag_of, verdict_of, verify

IMPORTS = "import torch\nfrom torch import nn\n\n"
NEVER_CLEARED = """
def {0}(loader, epochs):
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for inputs, targets in loader:
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
"""


def found(text: str, code: str, folder: Path) -> list[Case]:
    path = folder / "training.py"
    path.write_text(text, encoding="utf-8")
    engine = Engine([each for each in catalog() if each.rule.code == code])
    return list({each.finding.location.span: each for each in cases(engine, path, path.read_bytes())}.values())


@pytest.mark.parametrize(
    ("fixture", "code"),
    [
        ("accumulation-guard-off-by-one/bad_inverted.py", "OPT509"),
        ("optimizer-step-outside-batch-loop/bad_plain_script.py", "OPT111"),
        ("scheduler-recreated-in-loop/bad_sequence.py", "OPT109"),
        ("optimizer-recreated-in-loop/bad_each_batch.py", "OPT108"),
        ("zero-grad-missing/bad_plain_script.py", "OPT103"),
        ("optimizer-step-bypasses-scaler/bad_plain_script.py", "OPT503"),
        ("batch-schedule-stepped-per-epoch/bad_transformers_warm_up.py", "OPT405"),
        ("parameters-frozen-after-optimizer/bad_one_weight.py", "OPT202"),
    ],
)
def test_the_fix_of_each_of_two_equal_programs_is_validated(
    fixture: str, code: str, pool: Pool, tmp_path: Path
) -> None:
    text = (FIXTURES / fixture).read_text("utf-8")
    both = found(f"{text}\n\n{text}", code, tmp_path)
    assert len(both) == 2
    for case in both:
        verdict = verify(case, pool, Setting()).verdict
        assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
        assert verdict.fix is FixVerdict.VALIDATED, verdict.fix_sentence


def test_each_finding_has_the_rows_of_its_own_loop(tmp_path: Path) -> None:
    names = ("first", "second", "third")
    calls = "\nbatches = [(torch.rand(2, 4), torch.rand(2, 1)) for _ in range(4)]\n"
    calls += "".join(f"{name}(batches, 3)\n" for name in names)
    text = IMPORTS + "".join(map(NEVER_CLEARED.format, names)) + calls
    every = found(text, "OPT103", tmp_path)
    assert len(every) == 3
    taken: set[int] = set()
    for case in every:
        for pair in (case.pair, case.among_fixed and case.among_fixed()):
            assert pair is not None
            assert isinstance(pair.original, ReplayScript)
            assert isinstance(pair.fixed, ReplayScript)
            flag = flag_of(case, pair, pair.original, pair.fixed)
            # Of the loops of the fixed text only that of the finding is flagged.
            assert len(within(pair.fixed, flag.fixed_rows)) == 1
            assert within(pair.fixed, flag.fixed_rows) == within(pair.original, flag.rows)
            [written] = flag.written
            assert pair.fixed.body.splitlines()[written - 1].strip() == "optimizer.zero_grad()"
            taken |= {names.index(name) for name in within(pair.original, flag.rows)}
    assert taken == {0, 1, 2}


def within(script: object, rows: tuple[int, ...]) -> set[str]:
    """The functions in which some rows of a script lie; what calls them lies in none."""
    assert isinstance(script, ReplayScript)
    names, lines = set(), script.body.splitlines()
    for row in rows:
        if lines[row - 1].startswith("    "):
            head = next(line for line in reversed(lines[:row]) if line.startswith("def "))
            names.add(head[len("def ") : head.index("(")])
    return names


def test_a_fix_that_mends_another_of_the_loops_is_refuted(pool: Pool, tmp_path: Path) -> None:
    text = IMPORTS + NEVER_CLEARED.format("first") + NEVER_CLEARED.format("second")
    text += (
        "\nbatches = [(torch.rand(2, 4), torch.rand(2, 1)) for _ in range(4)]\nfirst(batches, 3)\nsecond(batches, 3)\n"
    )
    one, other = found(text, "OPT103", tmp_path)
    verdict = verdict_of(one, other.pair, pool, Setting()).verdict
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.REFUTED, verdict.fix_sentence
