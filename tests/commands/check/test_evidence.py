"""The check of how Klarna's report reaches the draft, which sends nothing."""

from typing import Any

import pytest

from klarna24.run import render
from klarna24.run.render import MISSING
from tests.support.bookkeeping import merged
from tests.support.checks import run_check, write
from tests.support.mail_server import OpenMail, email
from tests.support.shops import Shop


def test_it_says_where_reports_are_mailed_and_the_test_mail_goes_elsewhere(
    healthy: Shop, open_mail: OpenMail
) -> None:
    mail = open_mail()
    inbox = {"evidence": "mail", "24sevenoffice": {"voucher_inbox": "belege@shop1.se"}}
    write(healthy, merged(email(healthy, mail), inbox))
    found = run_check(healthy, "--test-mail")["evidence"]
    assert (found.status, found.message) == (
        "ok",
        "reports are mailed to belege@shop1.se; this check did not mail there",
    )
    assert [it["To"] for it in mail.mails] == ["accounts@shop1.se"]


def test_it_tries_the_renderer_and_uploads_nothing(healthy: Shop) -> None:
    pytest.importorskip("pypdfium2")
    write(healthy, {"evidence": "attach"})
    found = run_check(healthy)
    assert found.code == 0
    assert "AttachmentService.asmx" in found["evidence"].message
    assert not [it for it in healthy.box.requests if "AttachmentService" in it.path]


@pytest.mark.parametrize(("code", "message"), [(MISSING, "not installed"), (1, "not rendered")])
def test_a_renderer_that_fails_is_advice(
    healthy: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, code: int, message: str
) -> None:
    program = tmp_path / "render.py"
    program.write_text(f"raise SystemExit({code})")
    monkeypatch.setattr(render, "__file__", str(program))
    write(healthy, {"evidence": "attach"})
    found = run_check(healthy)
    assert (found.code, found["evidence"].status) == (0, "advice")
    assert message in found["evidence"].message
