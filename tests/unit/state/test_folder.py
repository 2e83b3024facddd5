"""Files and links that somebody else can have planted: no run follows or trusts them, least of all one as root."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state.folder import WITNESS
from klarna24.state.lock import only_run
from klarna24.state.store import State
from tests.support import ROOT
from tests.support.shops import Shop

SOMEBODY = 65534  # nobody
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
LINKS = [STATE_FILE, f"{STATE_FILE}-journal", WITNESS, "locks", "locks/shop1.lock", "locks/shop1.json", "sessions"]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """What somebody wants to have overwritten."""
    path = tmp_path / "target"
    path.write_bytes(b"precious")
    return path


@as_root
@pytest.mark.parametrize("name", LINKS)
def test_as_root_a_folder_of_somebody_elses_is_refused(shop: Shop, target: Path, name: str) -> None:
    (shop.state / name).parent.mkdir(parents=True)
    os.chown(shop.state, SOMEBODY, SOMEBODY)
    (shop.state / name).symlink_to(target)
    for arguments in (["sync", "--all", "--now"], ["check"]):
        result = shop.run(*arguments)
        assert result.code == 3
        assert "belongs to another user" in result.err + result.out
    assert target.read_bytes() == b"precious"
    assert not shop.drafts()


@pytest.mark.parametrize("name", LINKS)
def test_a_link_that_is_there_already_is_not_followed(shop: Shop, target: Path, name: str) -> None:
    """Planted while the folder was still open to others."""
    assert shop.sync("--now").code == 7
    path = shop.state / name
    drafts = shop.drafts()
    if path.is_dir():
        path.rename(shop.folder / "moved")
        target.unlink()
        target.mkdir()
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)
    before = target.stat()
    result = shop.sync("--now")
    assert result.code == (7 if name == "sessions" else 3), result
    assert "Traceback" not in result.err
    assert "is a link" in result.err or name == "sessions", "without a session, a run logs in"
    assert (target.stat().st_mtime_ns, target.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert shop.drafts() == drafts


@as_root
@pytest.mark.parametrize("name", [STATE_FILE, WITNESS, "locks"])
def test_as_root_a_file_of_somebody_elses_is_refused(folder: Path, name: str) -> None:
    with only_run(folder, "shop1"):
        pass
    os.chown(folder / name, SOMEBODY, SOMEBODY)
    with pytest.raises(StateFault, match="belongs to another user"), only_run(folder, "shop1"):
        State.open(folder)


@pytest.mark.parametrize("mode", [0o666, 0o644, 0o620])
def test_a_database_that_others_can_open_is_closed_to_them_with_a_word(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    State.open(folder).close()
    (folder / STATE_FILE).chmod(mode)
    State.for_reading(folder).close()
    assert (folder / STATE_FILE).stat().st_mode & 0o777 == mode, "a reader changes nothing"
    for _ in range(2):
        State.open(folder).close()
    assert (folder / STATE_FILE).stat().st_mode & 0o777 == 0o600
    (said,) = caplog.messages
    assert f"was open to other users (mode {mode:o})" in said


ORDINARY = """
import os, sys
from pathlib import Path
from klarna24.errors import StateFault
from klarna24.state.store import State
os.setgroups([]); os.setgid(65534); os.setuid(65534)  # once all is imported, which may be root's alone
try:
    State.open(Path(sys.argv[1]))
except StateFault as fault:
    print(fault.message)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that others reach: pytest closes its own whenever another session of it begins."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@as_root
@pytest.mark.parametrize(
    ("owner", "mode", "message"),
    [(SOMEBODY, 0o700, ""), (1, 0o777, "belongs to another user"), (0, 0o777, "other users can write")],
)
def test_an_ordinary_user_needs_a_folder_of_their_own(public: Path, owner: int, mode: int, message: str) -> None:
    folder = public / "state"
    folder.mkdir()
    (folder / "something").touch()  # so that the folder is not closed by klarna24 itself
    folder.chmod(mode)
    os.chown(folder, owner, owner)
    command = [sys.executable, "-c", ORDINARY, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert message in ended.stdout
    assert bool(message) == bool(ended.stdout)
