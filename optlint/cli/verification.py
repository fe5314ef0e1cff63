"""The way from a run's findings to their verdicts: which cases are replayed, and where."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from optlint.cli.checker import Checker
from optlint.cli.errors import OptlintError
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.replay.cases import cases
from optlint.replay.pool import NoDevice, NoWorker, Pool
from optlint.replay.verdict import FindingVerdict, FixVerdict, Reason, Verdict
from optlint.replay.verify import Setting, Verified, verify
from optlint.source.text import Span

Key = tuple[Path, Span, str]


@dataclass(frozen=True, slots=True)
class Verification:
    """Replays what a checker finds; made by `verification`, and of use inside of its `with` block."""

    checker: Checker
    pool: Pool
    setting: Setting

    def verdicts(
        self, files: Sequence[Path], findings: Sequence[Finding], done: Callable[[], None] = lambda: None
    ) -> dict[Key, Verified]:
        """Return the verdict of each finding that a replay can be made for; `done` is called after each.

        A finding that several files lead to is replayed from each of them until a replay settles it.
        """
        wanted = {key_of(finding) for finding in findings}
        found: dict[Key, Verified] = {}
        engine = Engine(self.checker.entries, self.checker.required)
        for path in files:
            try:
                data = path.read_bytes()
            except OSError:
                continue  # the check has said so
            for case in cases(engine, path, data, wanted):
                key = key_of(case.finding)
                if key in found and not _is_better(found[key]):
                    continue
                try:
                    verified = verify(case, self.pool, self.setting)
                except NoWorker as error:
                    raise OptlintError(f"the replay does not start: {error}") from error
                if key not in found:
                    done()
                if key not in found or _says_more(verified.verdict, found[key].verdict):
                    found[key] = verified
        return found


def key_of(finding: Finding) -> Key:
    """Return what tells one finding of a run from another."""
    return finding.location.path, finding.location.span, finding.code


def verdict_of(verdicts: dict[Key, Verified]) -> Callable[[Finding], Verdict | None]:
    """Return what gives the verdict of a finding, or None where no replay could be made."""

    def verdict(finding: Finding) -> Verdict | None:
        verified = verdicts.get(key_of(finding))
        return None if verified is None else verified.verdict

    return verdict


def defects(verdicts: dict[Key, Verified]) -> Iterator[str]:
    """Yield a message for each fix that a replay refutes: it is optlint that is wrong there."""
    for (path, _, code), verified in verdicts.items():
        if verified.verdict.fix is FixVerdict.REFUTED:
            row = verified.case.finding.location.start.in_file
            yield (
                f"the fix of {code} in {path}:{row} is refuted by its replay: {verified.verdict.fix_sentence}; "
                "this is a defect of optlint, please report it"
            )


@contextmanager
def verification(checker: Checker, setting: Setting, jobs: int) -> Iterator[Verification]:
    """Start the processes in which scripts run, and end them after the `with` block.

    Raises:
        OptlintError: torch is not installed, or the device is not there.
    """
    with workers(jobs) as pool:
        yield Verification(checker, pool, placed(setting, pool))


def placed(setting: Setting, pool: Pool) -> Setting:
    """Return the setting with the device that the workers have.

    Raises:
        OptlintError: it is not there, or has not the floating-point type.
    """
    try:
        device = pool.device(setting.device)
    except NoDevice as error:
        raise OptlintError(str(error)) from error
    except NoWorker as error:
        raise OptlintError(f"the replay does not start: {error}") from error
    if device == "mps" and setting.dtype == "float64":
        raise OptlintError("the device `mps` has no float64: take `--dtype float32`, or `--device cpu`")
    return replace(setting, device=device)


@contextmanager
def workers(jobs: int) -> Iterator[Pool]:
    """Start the processes in which scripts run, and end them after the `with` block.

    Raises:
        OptlintError: torch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise OptlintError("a replay needs torch: install it (`pip install 'optlint[verify]'`)")
    with Pool(workers=jobs, remembered=64) as pool:
        yield pool


def _says_more(verdict: Verdict, former: Verdict) -> bool:
    """Whether a verdict settles what another one does not, or has been further on the way."""
    if verdict.finding is FindingVerdict.INCONCLUSIVE:
        return former.finding_reason in (Reason.NOT_EXERCISED, Reason.CANNOT_SLICE)
    return True


def _is_better(verified: Verified) -> bool:
    """Whether another way to a finding may say more than this verdict does."""
    return verified.verdict.finding is FindingVerdict.INCONCLUSIVE
