"""Makes the README's picture of a verdict: what `optlint verify --report` shows of one finding of the demo."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from headless_browser import CHROMIUM, draw_all, opened

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "verdict.png"
OPTLINT = Path(sys.executable).with_name("optlint")
_CALL = ("verify", "--select", "OPT101", "image_classifier", "--report")
_KEEP = """
for (const each of document.querySelectorAll(
        ".finding .columns, .finding > details, .finding h3, .meaning, .modebar-container, .remarks, .remarks ~ *"))
    each.remove();
document.querySelector(".finding > summary").style.display = "none";
document.querySelector(".finding").style.padding = "0.5rem 1rem 0";
"""
"""The README has code, path and diff as text beside the picture, and a picture has nothing to point at."""


def main() -> int:
    """Write the picture; the exit code is 0 if it was written."""
    if CHROMIUM is None:
        print("the picture needs Chromium or Chrome: install one of them", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        subprocess.run([OPTLINT, *_CALL, str(page)], cwd=ROOT / "demo", check=False, stdout=subprocess.DEVNULL)
        with opened(page, width=1000) as browser:
            draw_all(browser)
            browser.evaluate(_KEEP)
            browser.picture_of(".finding", PICTURE, scale=1.5)
    print(f"the picture is in {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
