"""A Chromium for tests and screenshots: this machine's own, else the one that `make browser` unpacked."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm.local.places import ROOT, LocalServiceError

UNPACKED = ROOT / "tests" / "e2e" / "browser" / "node_modules" / ".chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Chromium:
    """The program and the environment that it needs."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def launch_options(self) -> dict[str, Any]:
        """Arguments for Playwright's `chromium.launch()`. Root and small containers need both switches."""
        return {
            "executable_path": str(self.path),
            "args": ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none"],
            "env": {**os.environ, **self.environment},
        }


def find_chromium() -> Chromium:
    """The browser to use. Raises LocalServiceError with what to do when there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return Chromium(Path(found))
    if not (UNPACKED / "chromium").exists():
        raise LocalServiceError("There is no Chromium on this machine. `make browser` installs one into the project.")
    libraries = [str(UNPACKED), str(UNPACKED / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return Chromium(
        UNPACKED / "chromium",
        {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
            "FONTCONFIG_FILE": str(UNPACKED / "fonts" / "fonts.conf"),
        },
    )
