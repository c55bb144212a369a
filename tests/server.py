"""A server of notebooks for a browser to visit, and what a screen reader finds there."""

import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
from checkout import ROOT, environment

OWN = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")

ROLES = "button|checkbox|combobox|heading|img|link|searchbox|slider|textbox"


def nameless(page):
    """Return what a screen reader comes to on a page and has no name for."""
    told = page.locator("html").aria_snapshot()
    return re.findall(rf"^ *- (?:{ROLES})\b(?! \").*$", told, re.M)


def serious(page):
    """Return what axe-core finds that keeps people out of a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (finding["id"], finding["nodes"][0]["html"])
        for finding in found
        if finding["impact"] in {"serious", "critical"}
    ]


def options(target):
    """Return what the Makefile gives a server, without the words left to the user."""
    recipe = rf"^{target}:.*\n((?:\t.*\n)+)"
    command = re.search(recipe, (ROOT / "Makefile").read_text(), re.M).group(1)
    return [word for word in command.split() if word.startswith("--")]


@contextmanager
def serving(scratch, command, checkout=ROOT, **variables):
    """Run a server in a checkout until the block ends, and give its address, or what it said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = scratch / "server.log"
    env = environment(checkout) | dict.fromkeys(OWN, str(scratch)) | variables
    command = [*command, "--no-browser", f"--port={port}"]
    with log.open("w") as stream:
        server = subprocess.Popen(command, cwd=checkout, env=env, stdout=stream, stderr=stream)
    address, deadline = None, time.monotonic() + 60
    while not address and time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.2)
        address = re.search(r"http://\S+", log.read_text())
    try:
        yield address.group() if address else log.read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
