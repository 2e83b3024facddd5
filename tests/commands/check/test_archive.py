"""The check of the archive's folder, which leaves nothing there."""

import os
import shutil

import pytest

from tests.support.checks import run_check
from tests.support.shops import Shop


def archiving(shop: Shop) -> None:
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write()


def test_it_writes_into_the_archive_and_leaves_nothing_there(healthy: Shop) -> None:
    assert "archive" not in run_check(healthy).checks
    archiving(healthy)
    for made in ([], ["shop1"]):
        for name in made:
            (healthy.folder / "archive" / name).mkdir(mode=0o700)
        found = run_check(healthy)["archive"]
        assert (found.status, "test write succeeded" in found.message) == ("ok", True)
        assert [it for it in (healthy.folder / "archive").rglob("*") if it.is_file()] == []


def test_a_folder_that_cannot_be_used_is_advice(healthy: Shop) -> None:
    archiving(healthy)
    folder = healthy.folder / "archive"
    folder.write_text("a file")
    found = run_check(healthy)
    assert (found.code, found["archive"].status) == (0, "advice")
    assert "is a link or a file, and not a folder" in found["archive"].message
    folder.unlink()
    folder.mkdir()
    folder.chmod(0o777)
    assert "everybody can write" in run_check(healthy)["archive"].message


@pytest.mark.skipif(os.name != "posix", reason="links need a right on Windows")
def test_a_profiles_folder_that_leads_elsewhere_is_advice(healthy: Shop) -> None:
    archiving(healthy)
    folder = healthy.folder / "archive"
    folder.mkdir(mode=0o700)
    (folder / "shop1").symlink_to("/etc")
    assert "is a link" in run_check(healthy)["archive"].message


def test_a_full_disk_is_advice(healthy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    archiving(healthy)
    usage = shutil.disk_usage(healthy.folder)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "only 1 MB free" in run_check(healthy)["archive"].message
