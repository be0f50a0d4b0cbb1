"""A real browser for tests: Debian's chromium, spoken to over its debugging pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

FOUND = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AS_THREE_AND_FOUR = """
import os, sys
to_read, to_write = (os.dup(int(number)) for number in sys.argv[1:3])
for place, pipe in ((3, to_read), (4, to_write)):
    os.dup2(pipe, place)
    os.set_inheritable(place, True)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the pipes where the browser looks for them, in a process of its own: this one has threads."""
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Browser:
    """One browser with one page; `complaints` and `requests` are what that page said and asked for since `open`."""

    def __init__(self, folder: Path) -> None:
        assert FOUND
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        self.folder = folder
        self._rest = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_THREE_AND_FOUR, str(to_read), str(to_write), FOUND,
             "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._session: str | None = None
        targets = self("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")
        self("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder), eventsEnabled=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def __call__(self, method: str, **params: Any) -> Any:
        """Give one command and return its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(self, path: Path, anchor: str = "", width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Show a file and wait until it has loaded."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self.complaints, self.requests, self._events = [], [], []
        self("Page.navigate", url=f"{path.as_uri()}?{self._number}{anchor}")  # never the same document again
        self.wait_for("Page.loadEventFired")

    def wait_for(self, event: str) -> Mapping[str, Any]:
        """The next event of a name that nobody waited for yet."""
        while True:
            for place, message in enumerate(self._events):
                if message["method"] == event:
                    del self._events[: place + 1]
                    return message.get("params", {})
            self._next()

    def run(self, script: str) -> Any:
        """What an expression comes to in the page; raises AssertionError where it throws."""
        answer = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        said = {"key": key, "windowsVirtualKeyCode": KEYS[key], "code": key}
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        self("Input.dispatchKeyEvent", type="keyDown", **said, **text)
        self("Input.dispatchKeyEvent", type="keyUp", **said)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Keep what is to be seen, or the whole page, as PNG."""
        shot = self("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self) -> bytes:
        """The page as it would be printed, as PDF."""
        printed = self("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(printed["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._read], [], [], 20)[0], "the browser does not answer"
            said = os.read(self._read, 1 << 20)
            assert said, "the browser went away"
            self._rest += said
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
            self._notice(message["method"], message["params"])
        return message

    def _notice(self, event: str, params: Mapping[str, Any]) -> None:
        match event:
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.complaints.append(str(params["args"]))
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
