"""Help, completion, configuration, progress, watching and broken pipes, with the installed command."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from installed import CLEAN, COMMAND, LEAKING, optlint

COMMANDS = (
    ["check"],
    ["check", "--output-format", "json"],
    ["check", "--diff"],
    ["check", "--statistics"],
    ["check", "--help-all"],
    ["baseline", "write"],
    ["rules"],
    ["rule", "OPT101"],
    ["config"],
    ["completion", "bash"],
    ["debug", "program", "a.py"],
    ["--help"],
)
DEADLINE = 60.0
"""Seconds that a process may take to say what is waited for."""


@pytest.mark.parametrize("command", ["check", "baseline", "config", "verify", "rules", "rule", "completion"])
def test_help_fits_a_screen(tmp_path: Path, command: str) -> None:
    result = optlint(tmp_path, command, "--help", environment={"COLUMNS": "80"})
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80


def test_the_rare_options_are_a_word_away(tmp_path: Path) -> None:
    short, whole = (optlint(tmp_path, "check", option).stdout for option in ("--help", "--help-all"))
    assert "--help-all" in short
    assert "--device" not in short
    for option in ("--device", "--jobs", "--no-gitignore", "--exit-non-zero-on-fix", "--select", "--diff-base"):
        assert option in whole


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["optlint", "ch"], {"check"}),
        (["optlint", "check", "--select", "OPT10"], {"OPT101", "OPT109"}),
        (["optlint", "check", "--ignore", "OPT101,OPT2"], {"OPT101,OPT2", "OPT101,OPT201"}),
        (["optlint", "check", "--select", "zero-grad-m"], {"zero-grad-missing"}),
        (["optlint", "check", "--diff-"], {"--diff-base"}),
        (["optlint", "check", "--fail-on", "w"], {"warning"}),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], completed: set[str]) -> None:
    script = (
        'eval "$(optlint completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_optlint_completion optlint; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = os.environ | {"PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed <= set(done.stdout.split())
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(tmp_path: Path, shell: str) -> None:
    result = optlint(tmp_path, "completion", shell)
    assert "_OPTLINT_COMPLETE" in result.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=result.stdout, text=True, check=True)


def test_settings_are_shown_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.optlint]\nfail-on = "note"\n')
    settings = json.loads(optlint(tmp_path, "config", "--output-format", "json").stdout)["settings"]
    (fail_on,) = [each for each in settings if each["key"] == "fail-on"]
    assert fail_on == {
        "key": "fail-on",
        "value": "note",
        "origin": "file",
        "file": str(tmp_path / "pyproject.toml"),
        "row": 2,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.optlint]\nselekt = []\n", "pyproject.toml:2: unknown key `selekt`: did you mean `select`?"),
        ("[tool.optlint]\nselect = [\n", "pyproject.toml:2: this is no TOML"),
        ('[tool.optlint]\n\nignore = ["OPT1O1"]\n', "(from pyproject.toml:3): did you mean `OPT101`?"),
    ],
)
def test_errors_name_file_row_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "a.py").write_text(LEAKING)
    result = optlint(tmp_path, "check")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert said in result.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_broken_pipe_is_no_reason_for_words(tmp_path: Path, arguments: list[str]) -> None:
    for number in range(40):
        (tmp_path / f"a{number or ''}.py").write_text(LEAKING)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        process = subprocess.run(
            [str(COMMAND), *arguments], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120
        )
    finally:
        os.close(writing)
    assert process.returncode in (0, 1)
    assert "Traceback" not in process.stderr
    assert "Broken" not in process.stderr
    assert "Exception" not in process.stderr


def test_a_closed_standard_output_is_no_defect(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LEAKING)
    done = subprocess.run(
        ["bash", "-c", f'"{COMMAND}" check a.py >&-'], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_quiet_says_nothing_but_findings(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CLEAN)
    result = optlint(tmp_path, "check", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


class Watching:
    """A running `optlint check --watch`; what it prints is gathered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while chunk := self.process.stdout.readline():
            self.text += chunk

    def wait_for(self, said: Callable[[str], bool]) -> str:
        """Wait until what was printed since the last call is as said, and return it."""
        end = time.monotonic() + DEADLINE
        while not said(self.text):
            assert time.monotonic() < end, f"not said in time: {self.text}"
            assert self.process.poll() is None, f"it ended: {self.text}"
            time.sleep(0.05)
        text, self.text = self.text, ""
        return text


@contextmanager
def watching(folder: Path, *arguments: str) -> Iterator[Watching]:
    process = subprocess.Popen(
        [str(COMMAND), "check", "--watch", "--output-format", "concise", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell lets what it runs in the background ignore Ctrl-C, and the tests may be run so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield Watching(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_watch_checks_again_what_changed_and_what_imports_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.optlint]\n")
    steps = (
        "def update(model, optimizer, data):\n    optimizer.zero_grad()\n"
        "    model(data).mean().backward()\n    optimizer.step()\n"
    )
    head, _, _ = CLEAN.partition("for epoch")
    main = head + "from steps import update\nfor epoch in range(5):\n    update(model, optimizer, torch.randn(8, 3))\n"
    (tmp_path / "steps.py").write_text(steps)
    (tmp_path / "main.py").write_text(main)
    with watching(tmp_path, "main.py") as watched:
        watched.wait_for(lambda text: "All clear: 1 file checked" in text)
        (tmp_path / "steps.py").write_text(steps.replace("    optimizer.zero_grad()\n", ""))
        text = watched.wait_for(lambda text: "OPT103" in text and "(1 checked)" in text)
        assert "steps.py has changed" in text
        assert "\x1b[" not in text
        (tmp_path / "pyproject.toml").write_text("[tool.optlint]\nselekt = []\n")
        watched.wait_for(lambda text: "unknown key `selekt`" in text)
        (tmp_path / "pyproject.toml").write_text("[tool.optlint]\n")
        watched.wait_for(lambda text: "OPT103" in text and "(1 checked)" in text)
        (tmp_path / "main.py").unlink()
        watched.wait_for(lambda text: "no such file or folder" in text)
        (tmp_path / "main.py").write_text(CLEAN)
        watched.wait_for(lambda text: "All clear: 1 file checked" in text)
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(DEADLINE) == 130
        assert "Traceback" not in watched.text


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_progress_line_comes_late_and_goes(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"a{number}.py").write_text(CLEAN)
    text = _on_a_terminal(tmp_path, patience=0.0)
    assert "Checking [--" in text
    assert "of 3 files" in text
    assert text.endswith("\r\x1b[K")
    assert _on_a_terminal(tmp_path, patience=60.0) == ""
    assert _on_a_terminal(tmp_path, "--quiet", patience=0.0) == ""
    assert _on_a_terminal(tmp_path, patience=0.0, term="dumb") == ""


def _on_a_terminal(folder: Path, *options: str, patience: float, term: str = "xterm") -> str:
    """Return what a check writes to a terminal on stderr; `patience` in seconds."""
    import pty

    master, slave = pty.openpty()
    code = (
        f"import sys, optlint.cli.progress as p, optlint.__main__ as m; p.PATIENCE = {patience}; "
        f"sys.argv = ['optlint', 'check', *{list(options)!r}]; sys.exit(m.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=os.environ | {"TERM": term},
    )
    os.close(slave)
    data = b""
    try:
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data += os.read(master, 4096)
                except OSError:  # the other end is closed
                    break
            elif process.poll() is not None:
                break
        assert process.wait(DEADLINE) == 0
    finally:
        os.close(master)
        process.kill()
    return data.decode()
