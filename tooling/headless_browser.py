"""A headless Chromium, driven by the DevTools protocol over two pipes: no package and no port are needed for it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_OPTIONS = (
    "--headless=new --remote-debugging-pipe --no-first-run --disable-gpu --disable-dev-shm-usage "
    "--disable-background-networking --disable-component-update"
).split()
_ROOT = "--no-sandbox"
"""Without it Chromium does not start as root, in a container."""
_PATIENCE = 60.0
"""Seconds after which an answer that has not come is taken for none."""


class Browser:
    """One page in a headless browser, and what it said on its console."""

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        assert CHROMIUM is not None
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_child, self._write = (_high(end) for end in os.pipe())
        self._read, from_child = (_high(end) for end in os.pipe())

        def connect() -> None:
            os.dup2(to_child, 3)
            os.dup2(from_child, 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *_OPTIONS, f"--user-data-dir={self._profile.name}", *([_ROOT] if os.geteuid() == 0 else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=connect,
        )
        os.close(to_child)
        os.close(from_child)
        self._received = b""
        self._count = 0
        self._session = ""
        self.complaints: list[str] = []
        """Errors and warnings of the console, exceptions that nothing caught, and what the page failed to load."""
        self.requests: list[str] = []
        """The addresses of all that the page asked for."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.prefer("dark" if dark else "light")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)  # which ends it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        self._profile.cleanup()

    def prefer(self, scheme: str) -> None:
        """Let the person prefer `dark` or `light` pages."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def open(self, page: Path) -> None:
        """Open a file and wait until it is loaded."""
        self._call("Page.navigate", url=page.absolute().as_uri())
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited where it is a promise."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"{condition} does not come true; {self.complaints}"
            time.sleep(0.05)

    def point_at(self, x: float, y: float) -> None:
        """Move the mouse."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, file: Path, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        data = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))

    def picture_of(self, selector: str, file: Path, scale: float = 2.0) -> None:
        """Write one element as PNG, each pixel of the page as `scale` by `scale` of them."""
        area = self.evaluate(
            f"(({{x, y, width, height}}) => ({{x: x + scrollX, y: y + scrollY, width, height}}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        clip = {**area, "scale": scale}
        data = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        file.write_bytes(base64.b64decode(data))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer.get("method", ""), answer.get("params", {}))
        raise AssertionError(f"the browser has ended before it answered to {method}")

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _PATIENCE
        while True:
            head, mark, self._received = self._received.partition(b"\0")
            if mark:
                yield json.loads(head)
                continue
            self._received = head
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._read, 1 << 20)
            if not data:
                return
            self._received += data

    def _note(self, event: str, details: dict[str, Any]) -> None:
        if event == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([each.get("value", each.get("description")) for each in details["args"]]))
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(details["exceptionDetails"]))
        elif event == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(details["entry"]))
        elif event == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])


@contextmanager
def opened(page: Path, width: int = 1280, height: int = 900, dark: bool = False) -> Iterator[Browser]:
    """Open a file in a browser of its own."""
    with Browser(width, height, dark) as browser:
        browser.open(page)
        yield browser


def _high(descriptor: int) -> int:
    """Move a descriptor away from those that the browser expects."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return high


def draw_all(browser: Browser) -> None:
    """Bring every plot into view."""
    for index in range(browser.evaluate("document.querySelectorAll('.plot').length")):
        place = f"document.querySelectorAll('.plot')[{index}]"
        browser.evaluate(f"{place}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        browser.wait_for(f"{place}.dataset.drawn === 'yes'")


def curves(browser: Browser, plot: int) -> dict[str, tuple[list[Any], list[Any]]]:
    """The points of a plot that the plotting library has drawn, by the name of the curve."""
    drawn = browser.evaluate(
        f"document.querySelectorAll('.plot')[{plot}].calcdata.map("
        "(points) => [points[0].trace.name, points.map((each) => each.x), points.map((each) => each.y)])"
    )
    return {name: (xs, ys) for name, xs, ys in drawn}
