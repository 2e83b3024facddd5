"""A payout's folder on a disk that refuses, and the names in it."""

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from klarna24.archive.folder import ArchiveFault, PayoutFolder
from klarna24.archive.names import Document, document_of, file_names, safe, safe_profile

NAME = "shop1/2026/2026-11-19 A1"
DOCUMENTS = {"payout.json": b"{}", "report.pdf": b"%PDF-" + bytes(100_000)}
NOBODY = 65534


@contextmanager
def as_a_user(folder: Path) -> Iterator[None]:
    """As nobody, who owns the folder, where root runs the tests: nothing is read-only to root."""
    if os.geteuid() != 0:
        yield
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that others can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        folder = Path(name) / "archive"
        folder.mkdir(mode=0o700)
        yield folder


def left(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("place", ["", "shop1", "shop1/2026"])
def test_a_read_only_folder_is_said_and_nothing_is_left_in_it(open_folder: Path, place: str) -> None:
    (open_folder / place).mkdir(parents=True, exist_ok=True)
    (open_folder / place).chmod(0o500)
    with as_a_user(open_folder), pytest.raises(ArchiveFault) as fault:
        PayoutFolder(open_folder, NAME).add(DOCUMENTS)
    assert "Permission denied" in fault.value.message
    assert left(open_folder) == []
    (open_folder / place).chmod(0o700)


def test_a_read_only_payout_folder_keeps_what_it_has(open_folder: Path) -> None:
    folder = PayoutFolder(open_folder, NAME)
    folder.add({"payout.json": b"{}"})
    folder.path.chmod(0o500)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with as_a_user(open_folder), pytest.raises(ArchiveFault, match="Permission denied"):
        folder.add(DOCUMENTS)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before
    folder.path.chmod(0o700)


@pytest.mark.parametrize("is_new", [True, False], ids=["a new folder", "one more file"])
def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path, is_new: bool) -> None:
    """A file system of 64 KiB where root runs the tests."""
    root = tmp_path / "small"
    root.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        folder = PayoutFolder(root, NAME)
        if not is_new:
            folder.add({"payout.json": b"{}"})
        before = {path: path.read_bytes() for path in left(root)}
        with pytest.raises(ArchiveFault, match="No space left on device"):
            folder.add(DOCUMENTS)
        assert {path: path.read_bytes() for path in left(root)} == before
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_a_file_over_the_limit_of_its_user_leaves_nothing_half_written(tmp_path: Path) -> None:
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(ArchiveFault, match="File too large"):
            PayoutFolder(tmp_path, NAME).add(DOCUMENTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert left(tmp_path) == []


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    folder = PayoutFolder(tmp_path, NAME)
    folder.add({"payout.json": b"{}"})
    folder.add({"payout.json": b"{}"})
    with pytest.raises(ArchiveFault, match="is there with another content"):
        folder.add({"payout.json": b"[]", "rows.json": b"[]"})
    assert sorted(it.name for it in folder.path.iterdir()) == ["SHA256SUMS", "payout.json"]
    assert folder.read("payout.json") == b"{}"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    folder = PayoutFolder(tmp_path / "archive", NAME)
    folder.add({"payout.json": b"{}"})
    (tmp_path / "outside").write_text("outside")
    (folder.path / "rows.json").symlink_to(tmp_path / "outside")
    (folder.path / ".unfinished-report.pdf").symlink_to(tmp_path / "outside")
    with pytest.raises(ArchiveFault):
        folder.add({"rows.json": b"[]"})
    folder.add({"report.pdf": b"%PDF-"})
    assert (tmp_path / "outside").read_text() == "outside"


def test_pages_of_rows_of_which_the_first_was_not_written_are_removed(tmp_path: Path) -> None:
    folder = PayoutFolder(tmp_path, NAME)
    folder.add({"payout.json": b"{}"})
    (folder.path / "rows-2.json").write_bytes(b"[]")
    (folder.path / "report.csv").write_bytes(b"a,b")
    (folder.path / ".unfinished-report.pdf").write_bytes(b"%PD")
    assert sorted(folder.settle()) == ["payout.json", "report.csv"]
    assert sorted(it.name for it in folder.path.iterdir()) == ["SHA256SUMS", "payout.json", "report.csv"]
    assert sorted(folder.listed()) == ["payout.json", "report.csv"]


@pytest.mark.parametrize("kind", ["payout", "rows", "pdf", "csv", "voucher"])
@pytest.mark.parametrize("version", [1, 2, 11])
@pytest.mark.parametrize("pages", [1, 3])
def test_a_files_name_says_what_it_is(kind: str, version: int, pages: int) -> None:
    document = Document(kind, version)  # type: ignore[arg-type]  # one of the kinds
    names = file_names(document, pages)
    assert {document_of(name) for name in names} == {document}
    assert len(names) == (pages if kind == "rows" else 1)


@pytest.mark.parametrize("text", ["XISA93DJ", "1234567890", "A-1"])
def test_an_ordinary_reference_is_its_own_name(text: str) -> None:
    assert safe(text) == text


def test_no_two_texts_have_one_name() -> None:
    texts = [
        "a",
        "A",
        "a ",
        "A_1",
        "a/b",
        "a-b",
        "A-B",
        "CON",
        "con",
        "",
        ".",
        "..",
        "å",
        "ä",
        "x" * 300,
        "x" * 301,
    ]
    texts += [safe("a/b"), "\x00", "\n", "\ud800"]
    assert len({safe(text).casefold() for text in texts}) == len(texts)
    assert all(safe(text)[:1] not in {"", ".", "-", " "} and len(safe(text)) <= 60 for text in texts)
    assert safe_profile("con") != "con"
