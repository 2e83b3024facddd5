"""klarna24 archive, and what a run archives: every file, every fault, and how many calls it takes."""

import errno
import json
import os
import shutil
import stat
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from klarna24.sandbox.klarna.reports import pdf_report
from tests.support.shops import OpenShop, Shop, simple
from tests.support.state import sql


def archiving(open_shop: OpenShop, *payouts: Any) -> Shop:
    """A shop that archives in the folder ``archive`` beside its profiles.toml."""
    shop = open_shop(payouts=payouts or [simple("A1"), simple("B2", days_ago=7)])
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write()
    return shop


def archive(shop: Shop) -> Path:
    return shop.folder / "archive"


def folders(shop: Shop) -> dict[str, list[str]]:
    """The files of each payout's folder, by the folder's name without its date."""
    found = sorted((archive(shop) / "shop1").glob("*/*")) if archive(shop).exists() else []
    return {path.name.partition(" ")[2]: sorted(it.name for it in path.iterdir()) for path in found}


def folder(shop: Shop, reference: str) -> Path:
    (found,) = (archive(shop) / "shop1").glob(f"*/* {reference}")
    return found


def remarks(shop: Shop) -> dict[str, list[str]]:
    """The remarks of the last run's state, in English, by reference."""
    rows = sql(shop.state, "SELECT payment_reference, remarks FROM payout")
    return {name: [text_of(it[0]) for it in json.loads(found or "[]")] for name, found in rows}


def text_of(stored: Any) -> str:
    if isinstance(stored, str | int):
        return str(stored)
    template, values = stored
    return str(template.format(**{name: text_of(it) for name, it in values.items()}))


def sha256sum(path: Path) -> tuple[int, str]:
    """As a person runs it in the payout's folder."""
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def operations(shop: Shop) -> Counter[str]:
    """The requests to Klarna since the last call of this function."""
    found = Counter(str(it.operation) for it in shop.box.requests if it.path.startswith("/settlements/"))
    shop.box.requests.clear()
    return found


WHOLE = ["SHA256SUMS", "payout.json", "report.csv", "report.pdf", "rows.json", "voucher.json"]


def test_a_run_archives_what_klarna_sent_and_what_was_sent(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    assert shop.sync().code == 0
    assert folders(shop) == {"A1": WHOLE, "B2": WHOLE}
    a1 = folder(shop, "A1")
    assert a1.name.startswith(a1.parent.name)
    payout = next(it for it in shop.box.klarna.payouts if it["payment_reference"] == "A1")
    assert (a1 / "report.pdf").read_bytes() == pdf_report(payout)
    assert json.loads((a1 / "payout.json").read_bytes())["totals"] == payout["totals"]
    voucher = json.loads((a1 / "voucher.json").read_text("utf-8"))
    assert [entry["amount"] for entry in voucher["entries"]] == ["962.50", "-1000.00", "30.00", "7.50"]
    assert sha256sum(a1)[0] == 0
    assert shop.run("archive", "--verify").out == "shop1: 2 payouts, 10 files: all as archived\n"


def test_nobody_else_can_read_it_and_nobody_can_write_it(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in [archive(shop), *archive(shop).rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o400}


def test_a_run_asks_only_for_what_is_missing(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    assert operations(shop) == {"payouts": 1, "payout": 2, "transactions": 2, "report": 2, "csv-report": 2}
    shop.sync("--now")
    assert operations(shop) == {"payouts": 1}
    payout, rows = simple("C3")
    shop.box.klarna.payouts.append(payout)
    shop.box.klarna.transactions["C3"] = rows
    shop.sync("--now")
    assert operations(shop) == {"payouts": 1, "payout": 1, "transactions": 1, "report": 1, "csv-report": 1}


def test_without_the_key_nothing_more_is_asked_and_nothing_kept(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A1")])
    shop.sync()
    assert operations(shop) == {"payouts": 1}
    assert sql(shop.state, "SELECT * FROM evidence") == []
    refused = shop.run("archive")
    assert (refused.code, refused.err.count("\n")) == (3, 1)


def test_a_dry_run_writes_nothing_in_the_archive(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.dry_run()
    assert not archive(shop).exists()


def test_what_is_blocked_skipped_or_in_doubt_is_archived_too(open_shop: OpenShop) -> None:
    blocked = simple("BLOCKED", sale_amount=1000)
    blocked[0]["totals"]["settlement_amount"] = 999
    shop = archiving(open_shop, simple("DOUBT"), blocked, simple("NOTHING", sale_amount=0))
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    without = [name for name in WHOLE if name != "voucher.json"]
    assert folders(shop) == {"BLOCKED": without, "DOUBT": WHOLE, "NOTHING": without}


@pytest.mark.parametrize(
    ("operation", "fault", "remark"),
    [
        (
            "report",
            {"name": "klarna-status", "status": 404},
            "the PDF report could not be archived: Klarna: /repor",
        ),
        ("report", {"name": "klarna-garbage"}, "the answer is no PDF file"),
        ("csv-report", {"name": "klarna-status", "status": 500}, "the CSV report could not be archived"),
        ("payout", {"name": "klarna-garbage"}, "the answer is no JSON file"),
        ("transactions", {"name": "klarna-garbage"}, "the transactions could not be archived"),
        (
            "payout",
            {"name": "klarna-cut"},
            "Klarna's record could not be archived: Klarna: /payouts/A1: no answer",
        ),
        ("report", {"name": "klarna-401"}, "Klarna refused the credentials"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_what_cannot_be_had_is_a_remark_and_fetched_at_the_next_run(
    open_shop: OpenShop, operation: str, fault: dict[str, Any], remark: str
) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.box.faults.arm(**fault, times=None, operation=operation)
    run = shop.sync("--json")
    assert (run.code, run.json["profiles"][0]["payouts"][0]["status"]) == (0, "drafted")
    assert [remark in it for it in run.json["profiles"][0]["payouts"][0]["remarks"]] == [True]
    assert remark in remarks(shop)["A1"][0]
    assert remarks(shop)["A1"][0].endswith("; the next run tries again")
    shop.sync("--now")
    assert shop.run("log").out.count("  remark: ") == 1, "one event, not one each night"
    assert shop.run("archive").code in {4, 5}
    shop.box.faults.clear()
    assert shop.sync("--now").code == 0
    assert (folders(shop), remarks(shop)) == ({"A1": WHOLE}, {"A1": []})
    assert sha256sum(folder(shop, "A1"))[0] == 0


@pytest.mark.parametrize(("kind", "name"), [("pdf", "report.pdf"), ("csv", "report.csv")])
def test_a_web_page_in_place_of_a_report_is_not_kept(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    shop = archiving(open_shop, simple("A1"))
    with monkeypatch.context() as patched:
        patched.setattr(f"klarna24.sandbox.klarna.http.{kind}_report", lambda *_: b"<html>Down</html>")
        assert shop.sync().code == 0
    assert folders(shop) == {"A1": [it for it in WHOLE if it != name]}
    assert f"the {kind.upper()} report could not be archived" in remarks(shop)["A1"][0]
    shop.sync("--now")
    assert folders(shop) == {"A1": WHOLE}


@pytest.mark.usefixtures("quick")
def test_klarna_is_asked_no_more_once_it_does_not_answer(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, *(simple(f"P{number}", days_ago=number) for number in range(6)))
    shop.box.faults.arm("klarna-cut", times=None, operation="report")
    assert shop.sync().code == 0
    assert len(shop.drafts()) == 6
    asked = {it.query for it in shop.box.requests if it.operation == "report"}
    assert len(asked) == 3
    shop.sync("--now")
    asked = {it.query for it in shop.box.requests if it.operation == "report"}
    assert len(asked) == 6, "those that nobody has asked for come first"


def test_a_report_over_the_limit_is_a_remark_and_the_rest_is_kept(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = archiving(open_shop, simple("A1"), simple("B2", days_ago=7))
    monkeypatch.setattr("klarna24.klarna.client.REPORT_BYTES", 600)
    assert shop.sync().code == 0
    assert folders(shop) == {name: [it for it in WHOLE if it != "report.pdf"] for name in ("A1", "B2")}
    assert all("the PDF report could not be archived" in it[0] for it in remarks(shop).values())
    monkeypatch.undo()


@pytest.mark.parametrize("call", ["write", "fsync", "mkdir", "open"])
def test_a_full_disk_keeps_no_payout_from_being_drafted_and_leaves_nothing_half_written(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    shop = archiving(open_shop)
    whole, numbers = getattr(os, call), iter(range(1000))

    def full(first: Any, *args: Any, **kwargs: Any) -> Any:
        """In the archive the third call and all later ones fail."""
        path = str(Path(f"/proc/self/fd/{first}").readlink()) if isinstance(first, int) else os.fspath(first)
        writes = call != "open" or (args and args[0] & os.O_CREAT)
        if "/archive/" in f"{path}/" and writes and next(numbers) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(first, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        run = shop.sync()
    assert (run.code, run.err, sorted(shop.stored().values())) == (0, "", ["drafted", "drafted"])
    assert [it for it in archive(shop).rglob("*") if it.is_file()] == []
    (remark,) = [it for found in remarks(shop).values() for it in found]
    assert remark.startswith("nothing could be archived: ")
    assert "No space left on device" in remark
    assert shop.sync("--now").code == 0
    assert (folders(shop), [*remarks(shop).values()]) == ({"A1": WHOLE, "B2": WHOLE}, [[], []])
    assert shop.run("archive", "--verify").code == 0


def test_a_full_disk_while_a_file_is_added_leaves_the_others_as_they_were(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.box.faults.arm("klarna-status", status=404, times=2, operation="report")
    shop.sync()
    write = os.write

    def full(handle: int, content: bytes) -> int:
        if "unfinished" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            if len(content) > 100:
                return write(handle, content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    shop.box.faults.clear()
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert shop.sync("--now").code == 0
    assert folders(shop) == {"A1": [name for name in WHOLE if name != "report.pdf"]}
    assert sha256sum(folder(shop, "A1"))[0] == 0
    shop.sync("--now")
    assert folders(shop) == {"A1": WHOLE}


def test_a_folder_that_cannot_be_used_is_a_remark(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    elsewhere = shop.folder / "elsewhere"
    elsewhere.mkdir()
    archive(shop).mkdir(mode=0o700)
    (archive(shop) / "shop1").symlink_to(elsewhere)
    assert shop.sync().code == 0
    assert "shop1 is a link or a file, and not a folder" in remarks(shop)["A1"][0]
    (archive(shop) / "shop1").unlink()
    archive(shop).chmod(0o777)
    shop.sync("--now")
    assert "everybody can write to" in remarks(shop)["A1"][0]
    assert stat.S_IMODE(archive(shop).stat().st_mode) == 0o777
    assert list(elsewhere.iterdir()) == []
    assert shop.run("archive").code == 3
    archive(shop).chmod(0o750)
    shop.sync("--now")
    assert (folders(shop), remarks(shop)) == ({"A1": WHOLE}, {"A1": []})
    assert stat.S_IMODE(archive(shop).stat().st_mode) == 0o750, "as its owner has made it"


def test_a_fault_of_one_payouts_folder_keeps_no_other_from_being_archived(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    link, other = folder(shop, "A1"), folder(shop, "B2")
    link.rename(shop.folder / "moved")
    link.symlink_to(shop.folder / "moved")
    (shop.folder / "moved" / "report.pdf").unlink()
    (other / "report.pdf").unlink()
    assert shop.run("archive").code == 3
    assert "is a link or a file, and not a folder" in remarks(shop)["A1"][0]
    assert not (shop.folder / "moved" / "report.pdf").exists()
    assert folders(shop)["B2"] == WHOLE


def test_nothing_of_what_is_kept_is_in_logs_output_or_remarks(open_shop: OpenShop) -> None:
    payout, _ = simple("A1")
    row = {"type": "SALE", "amount": 100000, "currency_code": "SEK", "payment_reference": "A1",
           "order_id": "ORDER-OF-ASTRID", "customer": "Astrid Canary", "capture_date": payout["payout_date"],
           "sale_date": payout["payout_date"], "capture_id": "C", "short_order_id": "S"}  # fmt: skip
    shop = archiving(open_shop, (payout, [row]))
    shop.box.faults.arm("klarna-status", status=404, operation="report", message="Astrid")
    log = shop.folder / "log"
    shown = [
        shop.run("--log-file", str(log), "-vv", "sync", "--profile", "shop1"),
        shop.run("-vv", "archive"),
        shop.run("-vv", "archive", "--verify"),
        shop.run("log"),
    ]
    assert b"Astrid Canary" in (folder(shop, "A1") / "rows.json").read_bytes()
    said = [log.read_text(), *remarks(shop)["A1"], *(it.out + it.err for it in shown)]
    assert [text for text in said if "Canary" in text or "ASTRID" in text] == []


def test_a_folder_that_belongs_to_another_user_is_refused(open_shop: OpenShop) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    shop = archiving(open_shop, simple("A1"))
    archive(shop).mkdir(mode=0o700)
    os.chown(archive(shop), 12345, 12345)
    # who runs this is root, so another user is anybody but root
    assert shop.sync().code == 0
    assert "belongs to another user" in remarks(shop)["A1"][0]


def test_a_payout_that_klarna_changes_has_both_versions(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.sync()
    before = {path.name: path.read_bytes() for path in folder(shop, "A1").iterdir()}
    operations(shop)
    totals = shop.box.klarna.payouts[0]["totals"]
    totals["sale_amount"] += 100
    totals["settlement_amount"] += 100
    assert shop.sync("--now").code == 7
    assert operations(shop) == {"payouts": 1, "payout": 1, "transactions": 1, "report": 1, "csv-report": 1}
    second = ["payout-2.json", "report-2.csv", "report-2.pdf", "rows-2-1.json"]
    assert folders(shop) == {"A1": sorted([*WHOLE, *second])}
    after = {path.name: path.read_bytes() for path in folder(shop, "A1").iterdir()}
    assert {name: after[name] for name in before if name != "SHA256SUMS"} == {
        name: it for name, it in before.items() if name != "SHA256SUMS"
    }
    assert json.loads(after["payout-2.json"])["totals"] == totals
    assert sha256sum(folder(shop, "A1"))[0] == 0
    shop.sync("--now")
    assert operations(shop) == {"payouts": 1}


def test_a_voucher_that_is_sent_again_is_kept_again(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.box.faults.arm("cut-before-save")
    assert shop.sync().code == 8
    assert shop.resolve("A1", "--resend").code == 0
    assert shop.sync("--now").code == 0
    assert folders(shop) == {"A1": sorted([*WHOLE, "voucher-2.json"])}


def test_a_voucher_that_was_not_sent_after_all_is_not_kept(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.box.faults.arm("limit-exceeded", operation="SaveBundleList")
    assert shop.sync().code == 5
    assert "voucher.json" not in folders(shop)["A1"]
    assert shop.sync("--now").code == 0
    assert folders(shop) == {"A1": WHOLE}


NAMES = ["../../x", "a/b", "a\\b", "CON", "..", ".", "x" * 300, "åäö", "'\"$(x)`", "A.", "a", "A", "-rf", "a\n"]


def test_names_never_leave_the_folder_and_never_collide(open_shop: OpenShop) -> None:
    names = [name for name in NAMES if name == name.strip()]
    shop = archiving(open_shop, *map(simple, names))
    shop.sync()
    found = sorted((archive(shop) / "shop1").glob("*/*"))
    assert len(found) == len({path.name.lower() for path in found}) == len(names)
    assert all(len(path.name) < 100 for path in found)
    assert all(path.name.isascii() and set(path.name) < {*map(chr, range(33, 127)), " "} for path in found)
    assert {path.name.partition(" ")[0] for path in found} == {found[0].name[:10]}
    references = {json.loads((path / "payout.json").read_bytes())["payment_reference"] for path in found
                  if (path / "payout.json").exists()}  # fmt: skip
    assert references == {*names} - {".", ".."}
    assert [path for path in shop.folder.rglob("report.pdf") if archive(shop) not in path.parents] == []
    assert shop.run("archive", "--verify").code == 0
    assert all(sha256sum(path)[0] == 0 for path in found)


def test_one_reference_in_two_currencies_has_two_folders(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.sync()
    payout, _ = simple("A1")
    shop.box.klarna.payouts.insert(0, {**payout, "currency_code": "NOK"})  # it is now found by the reference
    shop.sync("--now")
    assert len(folders(shop)) == 2
    assert folders(shop)["A1"] == WHOLE
    (other,) = [name for name in folders(shop) if name != "A1"]
    assert other.startswith("A1 NOK ")


def test_a_first_run_with_many_payouts_fetches_some_of_them_and_the_rest_later(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = archiving(open_shop, *(simple(f"P{number}", days_ago=number) for number in range(10)))
    monkeypatch.setattr("klarna24.archive.keep.DOCUMENTS", 10)
    assert shop.sync().code == 0
    assert len(shop.drafts()) == 10
    assert list(folders(shop))[-3:] == ["P2", "P1", "P0"]
    with_report = [name for name, files in folders(shop).items() if "report.pdf" in files]
    assert with_report == ["P1", "P0"], "the newest first"
    shop.sync("--now")
    with_report = [name for name, files in folders(shop).items() if "report.pdf" in files]
    assert with_report == ["P4", "P3", "P2", "P1", "P0"]
    assert shop.run("archive").code == 0
    assert [*folders(shop).values()] == [WHOLE] * 10


def test_verify_names_what_is_changed_missing_or_unknown(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    a1, b2 = folder(shop, "A1"), folder(shop, "B2")
    (a1 / "report.pdf").chmod(0o600)
    (a1 / "report.pdf").write_bytes(b"%PDF-another")
    (b2 / "rows.json").unlink()
    (b2 / "notes.txt").write_text("x")
    (archive(shop) / "shop1" / "link").symlink_to("/etc")
    shutil.copy(a1 / "voucher.json", a1 / "voucher-7.json")
    verified = shop.run("archive", "--verify")
    assert verified.code == 3
    lines = [line.removeprefix("klarna24: shop1: ").partition(" → ")[0] for line in verified.lines()]
    base_a, base_b = (path.relative_to(archive(shop)).as_posix() for path in (a1, b2))
    assert sorted(lines) == sorted(
        [
            f"{base_a}/report.pdf has changed since it was archived",
            f"{base_b}/rows.json is missing in the archive",
            f"{base_b}/notes.txt is not of this archive",
            "shop1/link is not of this archive",
            f"{base_a}/voucher-7.json is not of this archive",
        ]
    )
    assert verified.out == "shop1: 2 payouts, 10 files: 5 not as archived\n"
    day = a1.name[:10]
    assert {"B2" in line for line in shop.run("archive", "--verify", "--from", day).lines()} == {False}
    assert sha256sum(a1)[0] == 1


def test_verify_sends_nobody_to_klarna_for_a_voucher_that_only_a_backup_has(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    for name in ("rows.json", "voucher.json"):
        (folder(shop, "A1") / name).unlink()
    hints = {
        line.partition(" is missing")[0][-9:]: line.partition(" → ")[2]
        for line in shop.run("archive", "--verify").lines()
    }
    assert hints == {
        "rows.json": "fetch it again, or restore it from a backup: klarna24 archive",
        "cher.json": "restore it from a backup",
    }


def test_verify_says_what_was_never_archived(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    del shop.top["archive"]
    shop.write()
    shop.sync()
    shop.top["archive"] = str(archive(shop))
    shop.write()
    never = shop.run("archive", "--verify")
    assert never.code == 3
    assert "nothing is archived of: B2, A1 → fetch it: klarna24 archive" in never.err
    assert shop.run("archive").code == 0
    assert shop.run("archive", "--verify").out == "shop1: 2 payouts, 8 files: all as archived\n"
    assert shop.run("archive", "--verify", "--from", "2999-01-01").out == "shop1: nothing is archived yet\n"


def test_verify_after_state_new_says_how_the_archive_is_taken_over(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    shop.book()
    shop.book()
    shutil.rmtree(shop.state)
    told = shop.run("archive", "--verify")
    assert (told.code, len(told.lines())) == (3, 2)
    assert all("none of its 6 files is of this archive → after state new" in line for line in told.lines())
    assert shop.run("sync", "--profile", "shop1", "--now").code == 0
    assert shop.run("archive").code == 0
    assert shop.run("archive", "--verify").code == 0


def test_archive_fills_gaps_and_says_what_it_cannot_fill(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    (folder(shop, "A1") / "report.pdf").unlink()
    (folder(shop, "B2") / "voucher.json").unlink()
    filled = shop.run("archive")
    assert (filled.code, filled.out) == (3, "shop1: 1 file added\n")
    (line,) = filled.lines()
    assert line.endswith(
        "voucher.json is gone from the archive, and cannot be fetched again → restore it from a backup"
    )
    assert folders(shop)["A1"] == WHOLE
    assert [line for line in shop.run("archive", "--verify").lines() if "report" in line] == []


def test_a_restored_archive_is_as_it_was_and_a_lost_one_is_fetched_again(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    shop.sync()
    shutil.copytree(archive(shop), shop.folder / "backup")
    shutil.rmtree(archive(shop))
    assert shop.run("archive", "--verify").code == 3
    (shop.folder / "backup").rename(archive(shop))
    assert shop.run("archive", "--verify").code == 0
    shutil.rmtree(archive(shop))
    assert shop.run("archive").code == 3, "the vouchers are lost"
    assert [*folders(shop).values()] == [[name for name in WHOLE if name != "voucher.json"]] * 2


def test_with_a_new_state_the_archive_is_taken_as_it_is(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.sync()
    number = shop.book()
    shutil.rmtree(shop.state)
    operations(shop)
    shop.sync("--now")
    assert number
    assert operations(shop)["report"] == operations(shop)["csv-report"] == 0
    assert (folders(shop), shop.run("archive", "--verify").code) == ({"A1": WHOLE}, 0)


def test_a_state_older_than_the_archive_learns_of_its_files_by_the_command(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    shop.box.faults.arm("cut-before-save")
    assert shop.sync().code == 8
    restore = shop.backup()
    assert shop.resolve("A1", "--resend").code == 0
    assert shop.sync("--now").code == 0
    restore()
    before = folders(shop)
    assert before == {"A1": sorted([*WHOLE, "voucher-2.json"])}
    assert shop.run("archive", "--verify").code == 3
    assert shop.run("archive").code == 0
    assert (folders(shop), shop.run("archive", "--verify").code) == (before, 0)


def test_reports_of_another_payout_of_the_same_reference_are_not_kept(open_shop: OpenShop) -> None:
    """Klarna's API finds them by the reference alone."""
    shop = archiving(open_shop, simple("A1"))
    payout, _ = simple("A1")
    shop.box.klarna.payouts.append({**payout, "currency_code": "NOK"})
    for _ in range(2):
        shop.sync("--now")
        assert list(folders(shop).values()) == [["SHA256SUMS", "payout.json", "voucher.json"]]
        assert "A1 NOK" not in str(folders(shop))
    assert operations(shop)["report"] == 0
    assert any("transactions and reports are not archived" in it for its in remarks(shop).values() for it in its)
    assert (told := shop.run("archive")).code == 3
    assert "save them from Klarna's merchant portal" in told.err
    assert "nothing is archived of: A1 " in shop.run("archive", "--verify").err, "of the one in Norwegian kroner"


def test_a_record_whose_currency_can_no_longer_be_read_is_kept_as_it_is(open_shop: OpenShop) -> None:
    """Before the archive has anything of the payout, and by a new state that finds it there."""
    shop = archiving(open_shop, simple("A1"))
    whole, shop.top = shop.top, {name: it for name, it in shop.top.items() if name != "archive"}
    shop.write()
    assert shop.sync().code == 0
    shop.top = whole
    shop.write()
    (payout,) = shop.box.klarna.payouts
    payout["currency_code"] = 752
    shop.sync("--now")
    assert json.loads((folder(shop, "A1") / "payout.json").read_text())["currency_code"] == 752
    assert shop.run("archive", "--verify").code == 0
    (shop.state / "klarna24.sqlite").unlink()
    assert shop.run("state", "new", "--yes").code == 0
    payout["currency_code"] = "SEK"
    shop.sync("--now")
    assert list(folders(shop)) == ["A1"]
    assert shop.run("archive", "--verify").code == 0


def test_a_new_state_that_cannot_read_a_payouts_date_finds_its_folder(open_shop: OpenShop) -> None:
    shop = archiving(open_shop)
    assert shop.sync().code == 0
    (shop.state / "klarna24.sqlite").unlink()
    assert shop.run("state", "new", "--yes").code == 0
    payout = shop.box.klarna.payouts[0]
    for date in "soon", payout["payout_date"]:
        payout["payout_date"] = date
        shop.sync("--now")
        assert len(list((archive(shop) / "shop1").glob("*/*"))) == 2
        assert shop.run("archive", "--verify").code == 0


def test_an_older_state_finds_folders_of_the_profiles_former_name(open_shop: OpenShop) -> None:
    shop = archiving(open_shop, simple("A1"))
    assert shop.sync().code == 0
    restore = shop.backup()
    shop.box.klarna.add(*simple("B2"))
    assert shop.sync("--now").code == 0
    restore()
    shop.rename("shop2")
    shop.run("sync", "--all", "--now")
    assert sorted(folders(shop)) == ["A1", "B2"]
    assert not (archive(shop) / "shop2").exists()
    shop.run("archive")
    assert shop.run("archive", "--verify").code == 0


def test_several_pages_of_rows_are_kept_page_by_page(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klarna24.klarna.client.PAGE_SIZE", 2)
    shop = open_shop()
    shop.top["archive"] = str(archive(shop))
    shop.write()
    shop.sync()
    many = list(archive(shop).rglob("rows-2.json"))
    assert many
    pages = sorted(many[0].parent.glob("rows-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
    rows = [row for path in pages for row in json.loads(path.read_bytes())["transactions"]]
    reference = json.loads((many[0].parent / "payout.json").read_bytes())["payment_reference"]
    assert len(rows) == len(shop.box.klarna.transactions[reference])
    assert shop.run("archive", "--verify").code == 0
