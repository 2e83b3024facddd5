"""What must hold of an archive at any moment, and a disk on which it cannot be written."""

import errno
import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from klarna24.archive.names import SUMS, UNFINISHED
from tests.support.shops import Shop


def finished(archive: Path) -> list[Path]:
    """The folders of payouts that a person sees."""
    return [path for path in archive.glob("*/*/*") if not path.name.startswith(UNFINISHED)]


def unfinished(archive: Path) -> list[Path]:
    """What is being written, or was left by a run that was killed."""
    return list(archive.rglob(f"{UNFINISHED}*"))


def assert_whole(archive: Path, where: str = "", *, by_sha256sum: bool = True) -> None:
    """What is there is whole, and no line of SHA256SUMS is wrong."""
    for folder in finished(archive):
        for path in folder.glob("*.json"):
            if not path.name.startswith(UNFINISHED):
                json.loads(path.read_bytes())
        if by_sha256sum:
            command = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"
        else:
            lines = [line.split("  ", 1) for line in (folder / SUMS).read_text().splitlines()]
            assert all(sha256((folder / name).read_bytes()).hexdigest() == digest for digest, name in lines), where


def assert_complete(shop: Shop, payouts: int, where: str) -> None:
    """Each payout has all its files, and nothing else is there."""
    archive = shop.folder / "archive"
    files = sorted(path.name for folder in finished(archive) for path in folder.iterdir())
    whole = [SUMS, "payout.json", "report.csv", "report.pdf", "rows.json", "voucher.json"]
    assert files == sorted(whole * payouts), where
    verified = shop.run("archive", "--verify")
    said = f"shop1: {payouts} payouts, {5 * payouts} files: all as archived\n"
    assert (verified.code, verified.out) == (0, said), f"{where}: {verified}"
    assert unfinished(archive) == [], where


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Lets the archive write this many files, and no other."""
    left = iter(range(after))
    write = os.write

    def written(handle: int, content: bytes) -> int:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    monkeypatch.setattr("klarna24.archive.folder.os.write", written)
