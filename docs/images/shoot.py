"""Makes the pictures of the overview anew, from a project's release: `python docs/images/shoot.py PROJECT`.

The project is the demo's: `tenure demo tenure-demo --end 2025-09-30 --no-serve`. Needs Debian's chromium and the
development dependencies. Each picture stays under 300 KB, because the repository keeps every version of it.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

FOLDER = Path(__file__).parent
MOST_BYTES = 300_000
PICTURES = {
    "overview.png": ("light", ViewportSize(width=1280, height=1086)),
    "overview-dark.png": ("dark", ViewportSize(width=1280, height=1086)),
    "overview-phone.png": ("light", ViewportSize(width=390, height=1545)),
}
SERVE = """
import sys
from pathlib import Path
from tenure.core.settings import open_project
from tenure.serve.server import serve
serve(open_project(Path(sys.argv[1])), "127.0.0.1", 0, lambda address: print(address, flush=True))
"""


def shoot(address: str) -> None:
    """Write every picture of the page at `address` into this folder."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for name, (scheme, size) in PICTURES.items():
            page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
            page.goto(address)
            page.wait_for_selector("[data-drawn] svg")
            picture = page.screenshot(path=FOLDER / name)
            print(f"{name}: {len(picture):,} bytes")
            if len(picture) > MOST_BYTES:
                sys.exit(f"{name} is over {MOST_BYTES:,} bytes: choose a smaller window")
        browser.close()


def main() -> None:
    """Serve the project named on the command line, take the pictures, stop the server."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    command = [sys.executable, "-c", SERVE, sys.argv[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ), text=True) as server:
        try:
            assert server.stdout is not None
            shoot(server.stdout.readline().strip())
        finally:
            server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
