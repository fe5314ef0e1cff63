"""What IPython adds to Python is masked, and Python that looks like it is not."""

from __future__ import annotations

import ast

import pytest

from optlint.source.magics import is_python, magics, masked

MASKED = {
    "a line magic": ("%matplotlib inline\nx = 1\n", "0                 \nx = 1\n"),
    "a shell line": ("!pip install -q torch\n", "0                    \n"),
    "two exclamation marks": ("!!ls", "0   "),
    "a shell line with quotes": ("!echo \"it's\nx = 1", "0          \nx = 1"),
    "a shell line that goes on": ("!pip install \\\n  torch\nx = 1", "0             \n       \nx = 1"),
    "inside of a block": ("if new:\n    !rm -rf runs\n", "if new:\n    0           \n"),
    "the output of the shell": ("files = !ls *.pt\n", "files = _       \n"),
    "the value of a magic": ("a, b['c'] = %who_ls\n", "a, b['c'] = _      \n"),
    "a question before": ("?torch.optim.SGD\n", "0               \n"),
    "a question after": ("torch.optim.SGD?\n", "0               \n"),
    "two question marks and a comment": ("model.fc[0]??  # look\n", "0              # look\n"),
    "calls without brackets": (",f a b\n;f a b\n/f a\n", "0     \n0     \n0   \n"),
    "%time runs Python": ("%time train(model)\n", "0    ;train(model)\n"),
    "%timeit with options": ("%timeit -n 10 -r 3 step()\n", f"0{' ' * 17};step()\n"),
    "%time of a loop": ("%time for x in y: f(x)\n", f"0{' ' * 21}\n"),
    "%time in a block": ("for e in r:\n    %time f(e)\n", "for e in r:\n    0    ;f(e)\n"),
    "a cell magic": ("%%time\nx = 1\n", "0     \nx = 1\n"),
    "é stays one character": ("!écho é\né = 1", "0      \né = 1"),
    "carriage returns": ("%pwd\r\nx = 1\r\n", "0   \r\nx = 1\r\n"),
}


@pytest.mark.parametrize("name", MASKED)
def test_a_magic_becomes_python_of_the_same_length(name: str) -> None:
    cell, expected = MASKED[name]
    assert masked(cell, magics(cell)) == expected
    assert len(cell) == len(expected)
    ast.parse(expected)


PYTHON = {
    "a remainder over two lines": "x = (a\n% b)\n",
    "a remainder after a backslash": "x = a \\\n% b\n",
    "a string over lines": '"""\n%matplotlib inline\n!ls\n"""\n',
    "a format": "print('%d' % 3)\nx %= 2\n",
    "unequal": "x != y\nx = a != b\n",
    "a question in a string": "x = 'why?'\n",
    "a question in a comment": "x = 1  # why?\n",
    "a comment": "# %matplotlib inline\n# !pip install torch\n",
    "an argument list": "f(\n    a,\n    /\n    b)\n",
    "an assigned string": "x = '!ls'\n",
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_is_no_magic(name: str) -> None:
    assert magics(PYTHON[name]) == []


@pytest.mark.parametrize("line", ["pip install torch", "ls -l", "cd ..", "ls", "pwd", "conda install -y numpy"])
def test_a_magic_without_its_sign_is_masked_where_asked_for(line: str) -> None:
    assert masked(line, magics(line, automatic=True)) == "0".ljust(len(line))
    assert magics(line) == []


@pytest.mark.parametrize("line", ["time = 3", "cat.step()", "run(model)", "history += 1", "ls, cp = f()", "debug: int"])
def test_a_variable_is_no_magic_without_its_sign(line: str) -> None:
    assert magics(line, automatic=True) == []


@pytest.mark.parametrize("head", ["%%time", "%%timeit -n 1", "%%capture out", "# note\n\n%%time", "%%capture\n%%time"])
def test_a_cell_magic_that_runs_python_leaves_a_cell_of_python(head: str) -> None:
    assert is_python(f"{head}\noptimizer.step()\n")


@pytest.mark.parametrize(
    "head",
    ["%%bash", "%%html", "%%writefile train.py", "%%js", "%%script sh", "%%!", "# a\n%%sh", "%%capture\n%%R", "%md"],
)
def test_a_cell_of_another_program_is_no_python(head: str) -> None:
    assert not is_python(f"{head}\noptimizer.step()\n")


def test_many_blank_lines_and_long_names_cost_no_time() -> None:
    assert is_python("\r\n" * 5_000 + "x = 1")
    assert magics("a" * 50_000 + " b\n!ls")[0].mask == "0  "
    assert magics("a, " * 20_000 + "\n!ls")[0].mask == "0  "
