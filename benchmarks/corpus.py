"""Fetch the corpus: published packages, unpacked to their Python files in an ignored folder.

Run `python benchmarks/corpus.py FOLDER`. Archives are taken with `pip download --no-deps`; of each,
only `*.py` files are written, and nothing is installed. The standard library of the running interpreter
is copied beside them. A package that is already there is left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MANIFEST = Path(__file__).with_name("corpus.toml")


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    form: str
    leave_out: tuple[str, ...]

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"


def packages() -> list[Package]:
    rows = tomllib.loads(MANIFEST.read_text("utf-8"))["package"]
    return [Package(row["name"], row["version"], row["form"], tuple(row.get("leave_out", ()))) for row in rows]


def download(package: Package, scratch: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and bytes of each Python file of the package; raise `RuntimeError` where pip fails."""
    only = "--no-binary" if package.form == "sdist" else "--only-binary"
    requirement = f"{package.name}=={package.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-clean"]
    outcome = subprocess.run(
        [*command, only, ":all:", "--dest", str(scratch), requirement],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    wheels = sorted(scratch.glob("*.whl"))
    # Of a source distribution pip wants the metadata, which needs the package's own build tools and may fail
    # without them; `--no-clean` leaves the unpacked files all the same, and nothing else is wanted.
    unpacked = [path for path in sorted(scratch.glob("pip-download-*/*")) if (path / "PKG-INFO").exists()]
    if wheels:
        with zipfile.ZipFile(wheels[0]) as wheel:
            for name in wheel.namelist():
                if name.endswith(".py"):
                    yield PurePosixPath(name), wheel.read(name)
    elif unpacked:
        for path in sorted(unpacked[0].rglob("*.py")):
            if path.is_file():
                yield PurePosixPath(path.relative_to(unpacked[0]).as_posix()), path.read_bytes()
    else:
        raise RuntimeError(f"pip could not fetch {requirement}: {outcome.stderr.strip()[-800:]}")


def fetch(package: Package, root: Path) -> str:
    target = root / package.folder
    if target.exists():
        return f"{package.folder}: already there"
    with tempfile.TemporaryDirectory() as scratch:
        staging = Path(scratch) / "files"
        count = 0
        for path, data in download(package, Path(scratch)):
            inside = ".." not in path.parts and not path.is_absolute()
            if inside and not any(path.is_relative_to(prefix) for prefix in package.leave_out):
                destination = staging / path
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.write_bytes(data)
                count += 1
        shutil.move(staging, target)
    return f"{package.folder}: {count} files"


def copy_standard_library(root: Path) -> str:
    name = f"cpython-{'.'.join(map(str, sys.version_info[:3]))}-lib"
    target = root / name
    if target.exists():
        return f"{name}: already there"
    library = Path(sysconfig.get_paths()["stdlib"])
    count = 0
    for path in sorted(library.rglob("*.py")):
        relative = path.relative_to(library)
        if "site-packages" not in relative.parts:
            destination = target / relative
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_bytes(path.read_bytes())
            count += 1
    return f"{name}: {count} files"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: corpus.py FOLDER", file=sys.stderr)
        return 2
    root = Path(arguments[0])
    root.mkdir(parents=True, exist_ok=True)
    failures = 0
    with ThreadPoolExecutor(3) as pool:
        jobs = {package: pool.submit(fetch, package, root) for package in packages()}
        for package, job in jobs.items():
            try:
                print(job.result(), flush=True)
            except (OSError, RuntimeError) as error:
                failures += 1
                print(f"{package.folder}: {error}", file=sys.stderr, flush=True)
    print(copy_standard_library(root))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
