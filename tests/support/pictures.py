"""The pictures of the READMEs: the page of a month in the sandbox, as Chromium shows it.

python -m tests.support.pictures        writes docs/images anew; it needs Chromium
"""

import os
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import tomli_w

from klarna24.cli import main as cli
from klarna24.sandbox.server import Sandbox
from tests.support import ROOT
from tests.support.browser import ARGUMENTS, PROGRAMS

LAST_DAY = date(2026, 10, 31)
PICTURES = {"en": "month.png", "sv": "month.sv.png"}
WAITING = 2  # drafts that nobody has booked yet
SIZE = "--window-size=1040,780"


def main() -> None:
    """Write both pictures."""
    (ROOT / "docs" / "images").mkdir(exist_ok=True)
    for language, name in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder, Sandbox(today=LAST_DAY) as box:
            page = _page(box, Path(folder), language)
            picture = f"--screenshot={ROOT / 'docs' / 'images' / name}"
            options = [*ARGUMENTS, "--hide-scrollbars", "--force-device-scale-factor=1.25", SIZE, picture]
            subprocess.run([str(PROGRAMS[0]), *options, page.as_uri()], check=True, capture_output=True)


def _page(box: Sandbox, folder: Path, language: str) -> Path:
    """The month of the sandbox's shop, with all but two of its drafts booked."""
    os.environ.update(box.environment())
    config, page = folder / "profiles.toml", folder / "page.html"
    table = {"state_dir": str(folder / "state"), "profiles": {"shop1": {**box.profile(), "language": language}}}
    config.write_text(tomli_w.dumps(table), encoding="utf-8")
    config.chmod(0o600)
    for command in (
        ["-q", "sync", "--all"],
        ["-q", "report", "--month", f"{LAST_DAY:%Y-%m}", "--html", str(page)],
    ):
        cli.run(["--config", str(config), "-q", *command])
        for draft in [*box.office.home.drafts][:-WAITING]:
            box.office.book(draft.id)
    return page


if __name__ == "__main__":
    main()
