"""What a part plays on: the server in a process of its own, and the profiles.toml of its shops."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import Failed

PROFILE = """
[profiles.shop{shop}]
start_date = {start}
timezone = "Europe/Stockholm"
transfer = "{transfer}"
klarna = {{ username = "rows{rows}-shop{shop}", password = {{ file = "{secret}" }}, base_url = "{url}" }}
accounts = {{ payout = 1930, receivable = 1580, fees = 6064, fees_vat = 2641 }}
voucher = {{ type = "Diverse", max_entries = 1_000_000 }}
{references}
[profiles.shop{shop}.24sevenoffice]
username = "integration{shop}"
password = {{ file = "{secret}" }}
application_id = "00000000-0000-0000-0000-00000000000a"
identity_id = "00000000-0000-0000-0000-{shop:012d}"
client_id = {shop}
base_url = "{url}"
"""
REFERENCES = (
    'references = { order_id = "comment", merchant_reference1 = "invoice_no", merchant_reference2 = "ocr" }'
)


class Stage:
    """A running server, and the folder in which files for it are written."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def profiles(self, transfer: str, rows: int, shops: int = 1) -> Path:
        """A profiles.toml with so many shops, each with one new payout of so many rows."""
        secret = self._folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text("not secret here")
        text = "".join(
            PROFILE.format(
                shop=shop,
                start=(datetime.now(UTC) - timedelta(days=30)).date(),
                transfer=transfer,
                rows=rows,
                secret=secret,
                url=self.url,
                references="" if transfer == "lump" else REFERENCES,
            )
            for shop in range(1, shops + 1)
        )
        path = self._folder / f"{transfer}-{rows}-{shops}.toml"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def saved(self) -> list[dict[str, Any]]:
        """What was saved since this was last asked, in no order where several shops ran at once."""
        with urllib.request.urlopen(f"{self.url}/saved") as answer:  # noqa: S310 - our own server
            found: list[dict[str, Any]] = json.load(answer)
        return found


@contextmanager
def open_stage(folder: Path, latency: float = 0.0) -> Iterator[Stage]:
    """The server runs as long as this is open."""
    command = [sys.executable, "-m", "benchmarks.server", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own module
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                raise Failed("the server did not start")
            yield Stage(url, folder)
        finally:
            server.terminate()
