"""A headless Chromium, driven by the WebDriver protocol over HTTP: what people see is looked at in a browser."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

# Found by the variable element of the protocol's answers.
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, server: str, profile: Path) -> None:
        options = {
            "binary": shutil.which("chromium"),
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                f"--user-data-dir={profile}",
            ],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = _post(f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"{server}/session/{answer['sessionId']}"

    def open(self, path: Path, fragment: str = "") -> None:
        """Opens a file."""
        self._do("url", {"url": path.resolve().as_uri() + fragment})

    def run(self, script: str, *arguments: object) -> Any:
        """Runs JavaScript and gives back what it returns; a promise is awaited."""
        body = "const done = arguments[arguments.length - 1];" + (
            f"(async (...args) => {{ {script} }})(...arguments).then(done, error => done({{error: String(error)}}))"
        )
        return self._do("execute/async", {"script": body, "args": list(arguments)})

    def press(self, *keys: str) -> None:
        """Presses keys one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._do("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def shape(self, width: int, height: int = 900, *, dark: bool = False, script: bool = True) -> None:
        """The size of the window as a page sees it, its colours, and whether scripts run."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})
        self._devtools("Emulation.setScriptExecutionDisabled", {"value": not script})

    def print_as_pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self._do("print", {"background": True}))

    def obey_policy(self, *, obeyed: bool) -> None:
        """Whether the page's own policy holds; axe is a script that it forbids."""
        self._devtools("Page.setBypassCSP", {"enabled": not obeyed})

    def screenshot(self, path: Path, height: int = 900, top: int = 0) -> None:
        """Writes what is seen from ``top`` on, so many pixels high."""
        width = self._devtools("Page.getLayoutMetrics", {})["cssLayoutViewport"]["clientWidth"]
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        answer = self._devtools("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(answer["data"]))

    def console(self) -> list[str]:
        """Errors and warnings that the browser wrote since it was asked last."""
        answer = _post(f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in answer if entry["level"] in ("SEVERE", "WARNING")]

    def close(self) -> None:
        """Closes the window."""
        with contextlib.suppress(URLError):
            urlopen(Request(self._session, method="DELETE"), timeout=30).close()

    def _do(self, command: str, body: object) -> Any:
        return _post(f"{self._session}/{command}", body)

    def _devtools(self, method: str, parameters: object) -> Any:
        return self._do("goog/cdp/execute", {"cmd": method, "params": parameters})


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that is gone afterwards."""
    port = _free_port()
    server = f"http://127.0.0.1:{port}"
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(server)
        window = Browser(server, folder / "profile")
        try:
            yield window
        finally:
            window.close()
    finally:
        driver.terminate()
        driver.wait(30)


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium, shared by the tests; where there is none they are not run, and say so."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if absent:
        pytest.skip(f"NOT RUN: {' and '.join(absent)} missing (apt-get install chromium chromium-driver)")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> str:
    """The script of axe-core, which npm fetches once into pytest's cache; where it cannot, it is said."""
    # There is no cache under -p no:cacheprovider.
    cache = getattr(pytestconfig, "cache", None)
    kept = (cache.mkdir("axe-core") if cache else tmp_path_factory.mktemp("axe-core")) / "axe.min.js"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("axe")
        command = ["npm", "pack", "axe-core@4", "--silent"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"NOT RUN: axe-core cannot be fetched with npm: {error}")
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            kept.write_bytes(script.read())
    return kept.read_text(encoding="utf-8")


def _post(url: str, body: object) -> Any:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]
    except URLError as error:
        told = error.read().decode() if hasattr(error, "read") else str(error)
        raise AssertionError(f"{url}: {told[:2000]}") from error


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port


def _wait_for(server: str) -> None:
    for _ in range(200):
        try:
            with urlopen(f"{server}/status", timeout=5) as answer:
                if json.loads(answer.read())["value"]["ready"]:
                    return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("chromedriver does not answer")
