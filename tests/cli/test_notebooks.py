"""Notebooks and percent scripts on the command line: found, reported by cell, mended, silenced and replayed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notebook_documents import code, document, dumped, markdown
from optlint.cli.main import optlint as command
from optlint.quick import is_clean

Run = Callable[..., Result]

SETUP = """\
%matplotlib inline
!pip install -q torch
import torch
from torch import nn, optim"""
BUILD = """\
model = nn.Linear(2, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
scheduler = optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
batches = [(torch.randn(4, 2), torch.randn(4, 1))]"""
TRAIN = """\
%%time
for epoch in range(4):
    scheduler.step()
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()"""
MENDED = TRAIN.replace("    scheduler.step()\n", "") + "\n    scheduler.step()"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, input: bytes | None = None) -> Result:
        options = [] if arguments[0] in ("schedule", "verify") else ["--isolated"]
        return CliRunner().invoke(command, [arguments[0], *options, *arguments[1:]], input=input)

    return call


def save(name: str, *cells: dict[str, Any], **form: Any) -> bytes:
    data = dumped(document(*cells), **form)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)
    return data


def trainer(train: str = TRAIN) -> tuple[dict[str, Any], ...]:
    return markdown("# Training"), code(SETUP), code(BUILD), code(train)


def found(result: Result) -> list[str]:
    return [" ".join(line.split()[:4]) for line in result.stdout.splitlines()]


def test_a_finding_names_cell_row_and_column(run: Run) -> None:
    save("nb.ipynb", *trainer())
    result = run("check", "--output-format", "concise", "nb.ipynb")
    assert result.exit_code == 1
    assert result.stdout.startswith("nb.ipynb:cell 4:3:5: error OPT101 ")


def test_the_full_report_shows_cells_and_no_border(run: Run) -> None:
    save("nb.ipynb", *trainer())
    text = run("check", "nb.ipynb").stdout
    assert "  1 | %%time\n  2 | for epoch in range(4):\n  3 |     scheduler.step()\n" in text
    assert "nb.ipynb:cell 3:2  the optimizer `optimizer` is built" in text
    assert "    @@ -1,5 +1,4 @@ cell 4\n     %%time\n" in text
    assert "notebook cell" not in text


def test_the_json_report_counts_in_the_cell(run: Run) -> None:
    save("nb.ipynb", *trainer())
    [finding] = json.loads(run("check", "--output-format", "json", "nb.ipynb").stdout)
    assert (finding["cell"], finding["location"]) == (4, {"row": 3, "column": 5})
    # Edits fit the text of the cell, which ends without a newline.
    rows = TRAIN.split("\n")
    for edit in sorted(finding["fix"]["edits"], key=lambda edit: edit["location"]["row"], reverse=True):
        assert edit["cell"] == 4
        starts = [sum(len(line) + 1 for line in rows[: edit[end]["row"] - 1]) for end in ("location", "end_location")]
        start, stop = (
            at + edit[end]["column"] - 1 for at, end in zip(starts, ("location", "end_location"), strict=True)
        )
        text = "\n".join(rows)
        rows = (text[:start] + edit["content"] + text[stop:]).split("\n")
    assert "\n".join(rows) == MENDED


def test_a_diff_shows_the_code_of_each_cell(run: Run) -> None:
    save("nb.ipynb", *trainer())
    diff = run("check", "--diff", "--unsafe-fixes", "nb.ipynb").stdout
    assert diff.startswith(
        "--- nb.ipynb:cell 4\n+++ nb.ipynb:cell 4\n@@ -1,8 +1,8 @@\n %%time\n for epoch in range(4):\n-"
    )
    assert diff.endswith("         optimizer.step()\n+    scheduler.step()\n")


@pytest.mark.parametrize("form", [{}, {"indent": 2, "ensure_ascii": True}, {"indent": None}])
def test_a_fix_changes_the_strings_of_its_cell_and_nothing_else(run: Run, form: dict[str, Any]) -> None:
    save("nb.ipynb", *trainer(), **form)
    assert run("check", "--fix", "--unsafe-fixes", "nb.ipynb").exit_code == 0
    assert Path("nb.ipynb").read_bytes() == dumped(document(*trainer(MENDED)), **form)


def test_the_standard_input_may_be_a_notebook(run: Run) -> None:
    data = dumped(document(*trainer()))
    result = run("check", "-", "--stdin-filename", "nb.ipynb", "--output-format", "concise", input=data)
    assert found(result) == ["nb.ipynb:cell 4:3:5: error OPT101"]
    result = run("check", "-", "--stdin-filename", "nb.ipynb", "--fix", "--unsafe-fixes", input=data)
    assert result.stdout_bytes == dumped(document(*trainer(MENDED)))
    broken = b'{"cells": ["torch.optim'
    result = run("check", "-", "--stdin-filename", "nb.ipynb", "--fix", input=broken)
    assert (result.exit_code, result.stdout_bytes) == (1, broken)
    assert "OPT001" in result.stderr


def test_notebooks_in_folders_are_found_but_no_checkpoints(run: Run) -> None:
    save("src/nb.ipynb", *trainer())
    save("src/.ipynb_checkpoints/nb-checkpoint.ipynb", *trainer())
    assert found(run("check", "--output-format", "concise", "src")) == ["src/nb.ipynb:cell 4:3:5: error OPT101"]


def test_a_cell_that_is_no_python_is_one_finding_and_the_others_are_checked(run: Run) -> None:
    save("nb.ipynb", *trainer(), code("x = = 1\noptimizer.foo"), code("%%bash\nfor x in"))
    result = run("check", "--output-format", "concise", "nb.ipynb")
    assert found(result) == ["nb.ipynb:cell 4:3:5: error OPT101", "nb.ipynb:cell 5:1:5: warning OPT001"]


def test_what_a_cell_that_is_no_python_may_do_is_not_known(run: Run) -> None:
    cells = trainer("for x, y in batches:\n    model(x).sum().backward()")
    save("nb.ipynb", *cells)
    assert "OPT106" in run("check", "nb.ipynb").stdout
    save("nb.ipynb", *cells, code("lr =\noptimizer.step()"))
    assert "OPT106" not in run("check", "nb.ipynb").stdout


def test_a_broken_notebook_is_told_of_in_a_line(run: Run) -> None:
    Path("nb.ipynb").write_bytes(dumped(document(*trainer())).replace(b"],", b"]", 1))
    result = run("check", "--output-format", "concise", "nb.ipynb")
    assert result.exit_code == 1
    [line] = result.stdout.splitlines()
    assert line.startswith("nb.ipynb:")
    assert "OPT001 the notebook is no JSON" in line
    assert "save it with Jupyter" in line


def test_notebooks_of_other_languages_are_passed_over(run: Run) -> None:
    data = dumped(document(code("using Torch; torch.optim ="), metadata={"language_info": {"name": "julia"}}))
    Path("nb.ipynb").write_bytes(data)
    assert run("check", "nb.ipynb").stdout == "All clear: 1 file checked\n"


def test_comments_silence_in_their_cell_and_in_the_notebook(run: Run) -> None:
    line = "    scheduler.step()"
    comment = "  # optlint: ignore[OPT101] wanted"
    save("nb.ipynb", *trainer(TRAIN.replace(line, line + comment)))
    assert run("check", "nb.ipynb").exit_code == 0
    save("nb.ipynb", *trainer(), code("# optlint: ignore-file[OPT101]"))
    assert run("check", "nb.ipynb").exit_code == 0
    save("nb.ipynb", code(f"import torch{comment}"), *trainer())
    result = run("check", "--output-format", "concise", "nb.ipynb")
    assert found(result) == ["nb.ipynb:cell 1:1:15: note OPT002", "nb.ipynb:cell 5:3:5: error OPT101"]


def test_an_unused_comment_is_deleted_from_its_cell(run: Run) -> None:
    save(
        "src/nb.ipynb", code("import torch\nx = 1  # optlint: ignore[OPT101]"), code("# optlint: ignore[OPT102]\ny = 2")
    )
    run("check", "--fix", "src")
    assert Path("src/nb.ipynb").read_bytes() == dumped(document(code("import torch\nx = 1"), code("y = 2")))


def test_comments_are_written_into_cells(run: Run) -> None:
    save("nb.ipynb", *trainer())
    assert run("check", "--add-ignore", "--reason", "wanted", "nb.ipynb").exit_code == 0
    commented = TRAIN.replace("    scheduler.step()", "    scheduler.step()  # optlint: ignore[OPT101] wanted")
    assert Path("nb.ipynb").read_bytes() == dumped(document(*trainer(commented)))


def test_ignores_by_file_name_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("optlint.toml").write_text('per-file-ignores = { "*.ipynb" = ["OPT101"] }\n')
    save("nb.ipynb", *trainer())
    assert CliRunner().invoke(command, ["check", "nb.ipynb"]).exit_code == 0


def test_a_notebook_calls_what_stands_in_files_beside_it(run: Run) -> None:
    Path("engine.py").write_text(
        "def fit(model, optimizer, scheduler, batches):\n    for x, y in batches:\n        scheduler.step()\n"
        "        optimizer.zero_grad()\n        (model(x) - y).sum().backward()\n        optimizer.step()\n"
    )
    save("nb.ipynb", *trainer("from engine import fit\nfit(model, optimizer, scheduler, batches)"))
    text = run("check", "nb.ipynb").stdout
    assert text.startswith("engine.py:3:9: error OPT101 ")
    assert "nb.ipynb:cell 4:2  `fit` is called" in text


def test_a_fix_does_not_move_code_over_a_border(run: Run) -> None:
    cells = code("import torch\nfrom torch import nn"), code("model = nn.Linear(2, 1)")
    build, move = "optimizer = torch.optim.Adagrad(model.parameters())", "model.cuda()"
    rest = code(
        "for x in [torch.zeros(1, 2)]:\n    optimizer.zero_grad()\n    model(x).sum().backward()\n    optimizer.step()"
    )
    save("one.ipynb", *cells, code(f"{build}\n{move}"), rest)
    run("check", "--fix", "--unsafe-fixes", "one.ipynb")
    assert Path("one.ipynb").read_bytes() == dumped(document(*cells, code(f"{move}\n{build}"), rest))
    data = save("two.ipynb", *cells, code(build), code(move), rest)
    result = run("check", "--fix", "--unsafe-fixes", "--output-format", "concise", "two.ipynb")
    assert Path("two.ipynb").read_bytes() == data
    assert found(result)[0].startswith("two.ipynb:cell 4:1:1: ")
    percent = "\n".join(["import torch", "from torch import nn", "model = nn.Linear(2, 1)", build, "# %%", move, ""])
    percent += "".join(rest["source"]) + "\n"
    Path("three.py").write_text(percent)
    result = run("check", "--fix", "--unsafe-fixes", "--output-format", "concise", "three.py")
    assert Path("three.py").read_text() == percent
    assert found(result)[0].startswith("three.py:6:1: ")
    Path("three.py").write_text(percent.replace("# %%\n", ""))
    run("check", "--fix", "--unsafe-fixes", "three.py")
    assert Path("three.py").read_text() == percent.replace("# %%\n", "").replace(f"{build}\n{move}", f"{move}\n{build}")


def test_what_ends_a_cell_is_shown_and_not_lost(run: Run) -> None:
    moved = "t = torch.zeros(2)\n{}t.double(){}\nprint(t.dtype)"
    save("nb.ipynb", code("import torch"), code(moved.format("", "")))
    assert "OPT304" in run("check", "nb.ipynb").stdout
    save("nb.ipynb", code("import torch\nt = torch.zeros(2)"), code("t.double()"), code("print(t.dtype)"))
    assert "OPT304" not in run("check", "nb.ipynb").stdout
    save("nb.ipynb", code("import torch\nt = torch.zeros(2)"), code("t.double();"), code("print(t.dtype)"))
    assert "OPT304" in run("check", "nb.ipynb").stdout
    save("nb.ipynb", *trainer(MENDED), code("optimizer.step"))
    assert run("check", "nb.ipynb").exit_code == 0
    save("nb.ipynb", *trainer(MENDED), code("optimizer.step\nprint(1)"))
    assert "OPT107" in run("check", "nb.ipynb").stdout


def test_percent_scripts_may_hold_magics(run: Run) -> None:
    text = "\n# %%\n".join((SETUP, BUILD, TRAIN)) + "\n"
    Path("train.py").write_text(text)
    result = run("check", "--output-format", "concise", "train.py")
    assert result.stdout.startswith("train.py:13:5: error OPT101 ")
    assert len(result.stdout.splitlines()) == 1
    run("check", "--fix", "--unsafe-fixes", "train.py")
    assert Path("train.py").read_text() == "\n# %%\n".join((SETUP, BUILD, MENDED)) + "\n"
    Path("plain.py").write_text(text.replace("# %%\n", ""))
    assert "OPT001" in run("check", "plain.py").stdout


def test_escapes_do_not_make_a_notebook_look_harmless(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = dumped(document(*trainer()))
    for word in (b"torch", b"backward", b"scheduler", b"step", b"optim", b"parameters", b"lr_", b"grad"):
        data = data.replace(word, b"\\u%04x" % word[0] + word[1:])
    assert json.loads(data) == document(*trainer())
    Path("nb.ipynb").write_bytes(data)
    monkeypatch.setattr(sys, "path", sys.path)
    assert not is_clean(["check", "nb.ipynb"])
    assert found(run("check", "--output-format", "concise", "nb.ipynb")) == ["nb.ipynb:cell 4:3:5: error OPT101"]
    save("other.ipynb", code("print(1)"))
    assert is_clean(["check", "-q", "other.ipynb"])


def test_a_replay_runs_the_cells_in_order(run: Run) -> None:
    pytest.importorskip("torch")
    save("nb.ipynb", *trainer(), code("lr = ="))
    result = run("verify", "nb.ipynb", "--keep-scripts", "kept")
    assert "verdict confirmed" in result.stdout
    assert "the fix is validated" in result.stdout
    assert sorted(path.name for path in Path("kept").iterdir()) == [
        "OPT101_nb_cell4_3_as_fixed.py",
        "OPT101_nb_cell4_3_as_written.py",
    ]
    run("check", "--fix", "--verified", "nb.ipynb")
    assert Path("nb.ipynb").read_bytes() == dumped(document(*trainer(MENDED), code("lr = =")))


def test_a_schedule_names_cells(run: Run) -> None:
    pytest.importorskip("torch")
    save("nb.ipynb", *trainer())
    assert "SGD `optimizer` at cell 3:2, 4 updates" in run("schedule", "nb.ipynb").stdout
