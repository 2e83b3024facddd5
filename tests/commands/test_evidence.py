"""Klarna's report beside the draft: its pages attached, or mailed to the voucher inbox, and nothing kept back."""

import time
from typing import Any

import pytest

from klarna24.run import render
from klarna24.run.render import MISSING, TOO_LARGE, TOO_MANY
from klarna24.twentyfour import attachments
from tests.support.office import SAVE
from tests.support.shops import OpenShop, Shop, simple

UPLOAD = ["Create", "AppendChunk", "Create", "AppendChunk", "GetStampNo", "Save", "Save"]


def attaching(open_shop: OpenShop, *payouts: Any, **arguments: Any) -> Shop:
    """A shop whose reports, of two pages each, are attached."""
    pytest.importorskip("pypdfium2")
    shop = open_shop(payouts=payouts or [simple("A")], **arguments)
    shop.write({"evidence": "attach"})
    return shop


def uploads(shop: Shop) -> list[str]:
    """The calls to the service that takes pages, in their order."""
    return [it.operation for it in shop.box.requests if "AttachmentService" in it.path and it.operation]


def stamps(shop: Shop) -> list[set[int]]:
    """The stamp numbers on the entries of each draft."""
    return [{entry["StampNo"] for entry in draft.entries} for draft in shop.box.office.home.drafts]


def remarks(shop: Shop, reference: str = "A") -> list[str]:
    """The remarks on a payout that the log has."""
    events = shop.run("log", "--json").json["events"]
    return [it["answer"] for it in events if it["what"] == "remark" and it["payment_reference"] == reference]


def test_each_draft_has_the_pages_of_its_report(open_shop: OpenShop) -> None:
    shop = attaching(open_shop, simple("A"), simple("B", days_ago=1))
    result = shop.sync()
    assert (result.code, result.err) == (0, "")
    home = shop.box.office.home
    assert stamps(shop) == [{1}, {2}], "all entries have the stamp number of their own pages"
    assert [home.pages_of(draft) for draft in home.drafts] == [2, 2]
    assert uploads(shop) == UPLOAD * 2
    assert remarks(shop) == remarks(shop, "B") == []


def test_no_report_is_attached_that_may_be_of_another_payout_of_the_reference(open_shop: OpenShop) -> None:
    shop = attaching(open_shop)
    payout, _ = simple("A")
    shop.box.klarna.payouts.append({**payout, "currency_code": "NOK"})
    shop.sync()
    assert (stamps(shop), uploads(shop), shop.box.calls()["report"]) == ([{0}], [], 0)
    assert "another merchant or currency has a payout of the same one" in remarks(shop)[0]


def test_a_page_is_sent_in_chunks(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "CHUNK", 5000)
    shop = attaching(open_shop)
    assert shop.sync().code == 0
    assert uploads(shop).count("AppendChunk") > 4
    assert shop.box.office.home.pages_of(shop.box.office.home.drafts[0]) == 2


@pytest.mark.parametrize("fault", ["attach-refused", "attach-error", "attach-lost"])
@pytest.mark.parametrize("after", range(len(UPLOAD)))
def test_an_upload_that_fails_anywhere_leaves_one_draft_without_a_stamp_and_a_remark(
    open_shop: OpenShop, fault: str, after: int
) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm(fault, after=after)
    result = shop.sync()
    assert (result.code, result.err) == (0, "")
    assert stamps(shop) == [{0}]
    assert shop.stored() == {"A": "drafted"}
    (remark,) = remarks(shop)
    assert remark.startswith("Klarna's report is not attached to the draft: 24SevenOffice: ")
    before = uploads(shop)
    assert shop.sync("--now").code == 0
    assert uploads(shop) == before, "nothing is uploaded twice"
    assert len(shop.drafts()) == 1


def test_pages_of_a_payout_that_is_sent_again_are_uploaded_once(open_shop: OpenShop) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm("not-saved")
    assert shop.sync().code == 6
    assert shop.sync("--now").code == 0
    assert stamps(shop) == [{1}]
    assert uploads(shop) == UPLOAD


def test_nothing_is_uploaded_for_a_payout_in_doubt(open_shop: OpenShop) -> None:
    """After the order to send it again, it has the stamp number that it had: the pages may be beside a draft."""
    shop = attaching(open_shop)
    shop.box.faults.arm("cut-before-save")
    assert shop.sync().code == 8
    assert shop.sync("--now").code == 8
    assert uploads(shop) == UPLOAD
    assert shop.resolve("A", "--resend").code == 0
    assert shop.sync("--now").code == 0
    assert stamps(shop) == [{1}]
    assert uploads(shop) == UPLOAD


def test_an_upload_that_was_interrupted_while_pages_were_saved_is_not_repeated(open_shop: OpenShop) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm("attach-lost", operation="Save")
    shop.box.faults.arm("not-saved")
    assert shop.sync().code == 6
    assert shop.sync("--now").code == 0
    assert uploads(shop).count("Save") == 1
    assert stamps(shop) == [{0}]
    assert "an earlier upload was interrupted, and is not repeated" in remarks(shop)[-1]


def test_an_upload_that_failed_before_a_page_was_saved_is_tried_with_the_next_save(open_shop: OpenShop) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm("attach-lost", operation="AppendChunk")
    shop.box.faults.arm("not-saved")
    assert shop.sync().code == 6
    assert shop.sync("--now").code == 0
    assert stamps(shop) == [{1}]


def test_a_session_that_ends_during_the_upload_is_renewed(open_shop: OpenShop) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm("expire-session", operation="AppendChunk")
    assert shop.sync().code == 0
    assert stamps(shop) == [{1}]


@pytest.mark.parametrize("fault", ["klarna-status", "klarna-garbage"])
def test_a_report_that_cannot_be_had_keeps_no_voucher_back(open_shop: OpenShop, fault: str) -> None:
    shop = attaching(open_shop)
    shop.box.faults.arm(fault, operation="report")
    assert shop.sync().code == 0
    assert stamps(shop) == [{0}]
    assert uploads(shop) == []
    (remark,) = remarks(shop)
    assert "not attached to the draft: Klarna: /reports/payout: " in remark


def test_without_the_renderer_the_remark_says_how_to_install_it(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    program = tmp_path / "render.py"
    program.write_text(f"raise SystemExit({MISSING})")
    monkeypatch.setattr(render, "__file__", str(program))
    shop = open_shop(payouts=[simple("A")])
    shop.write({"evidence": "attach"})
    assert shop.sync().code == 0
    assert stamps(shop) == [{0}]
    (remark,) = remarks(shop)
    assert remark.endswith("-m pip install pypdfium2")


def test_an_upload_costs_its_calls_and_the_report_one(open_shop: OpenShop) -> None:
    shop, plain = attaching(open_shop), open_shop(payouts=[simple("A")])
    assert shop.sync().code == plain.sync().code == 0
    more = shop.box.calls() - plain.box.calls()
    assert sorted(more.elements()) == sorted([*UPLOAD, "report"])
    assert plain.box.calls() - shop.box.calls() == {}
    assert shop.box.calls()[SAVE] == 1


def test_the_time_for_one_report_has_an_end(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Klarna's answer, the renderer or an upload that never ends: each at the expense of the same seconds."""
    for name, fault in (("klarna-hang", "report"), ("hang", "AppendChunk")):
        shop = attaching(open_shop)
        monkeypatch.setattr("klarna24.run.evidence.SECONDS", 0.6 if fault == "report" else 2.5)
        shop.box.faults.arm(name, None, operation=fault, seconds=60)
        started = time.monotonic()
        assert shop.sync().code == 0
        assert time.monotonic() - started < 30
        assert stamps(shop) == [{0}]
        assert len(remarks(shop)) == 1


def test_a_renderer_that_never_ends_is_ended(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    program = tmp_path / "render.py"
    program.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(render, "__file__", str(program))
    monkeypatch.setattr("klarna24.run.evidence.SECONDS", 1.0)
    shop = open_shop(payouts=[simple("A")])
    shop.write({"evidence": "attach"})
    started = time.monotonic()
    assert shop.sync().code == 0
    assert time.monotonic() - started < 30
    assert "rendering it took longer than" in remarks(shop)[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [(TOO_MANY, "more than 30 pages"), (TOO_LARGE, "more than 20 MB"), (1, "could not be rendered (1)")],
)
def test_what_the_renderer_refuses_is_a_remark(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, code: int, words: str
) -> None:
    program = tmp_path / "render.py"
    program.write_text(f"raise SystemExit({code})")
    monkeypatch.setattr(render, "__file__", str(program))
    shop = open_shop(payouts=[simple("A")])
    shop.write({"evidence": "attach"})
    assert shop.sync().code == 0
    assert words in remarks(shop)[0]
    assert uploads(shop) == []


def test_a_dry_run_uploads_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.write({"evidence": "attach"})
    assert shop.dry_run().code == 0
    assert uploads(shop) == []
    assert not shop.box.calls()["report"]


def test_the_voucher_is_found_in_the_ledger_whatever_its_stamp_number(open_shop: OpenShop) -> None:
    """What is kept of a voucher to find it again has no stamp number."""
    shop = attaching(open_shop)
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    shop.box.office.edit_draft(shop.box.office.home.drafts[0].id, 0, StampNo=0)
    shop.book()
    assert shop.sync("--now").code == 0
    assert shop.stored() == {"A": "booked"}
