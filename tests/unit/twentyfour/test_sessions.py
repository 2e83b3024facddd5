"""Sessions are kept between runs, because repeated logins are throttled, and renewed when they end."""

import re
from pathlib import Path

import pytest

from klarna24.errors import CredentialsFault, Unavailable
from klarna24.sandbox.reply import Reply
from tests.support.office import Office, fault, save


def session_files(office: Office) -> list[Path]:
    return sorted(office.folder.iterdir()) if office.folder.exists() else []


def test_a_session_is_stored_for_its_owner_alone_and_saves_the_next_client_a_login(office: Office) -> None:
    office.client().probe()
    (file,) = session_files(office)
    assert file.stat().st_mode & 0o777 == 0o600
    assert office.folder.stat().st_mode & 0o777 == 0o700
    assert {file.read_text()} == office.session_ids()
    assert save(office.logged_in()).kind == "drafted"
    assert office.logins == 1
    assert office.passwords_asked == 1, "the password is not even fetched"


def test_profiles_of_one_user_in_one_company_share_the_session_and_others_do_not(office: Office) -> None:
    office.client().probe()
    office.client({"voucher": {"type": 1}, "accounts": {"fees": 6570}}).probe()
    assert office.logins == 1
    default = office.box.office.default
    office.client({"24sevenoffice": {"identity_id": default.identity_id, "client_id": default.client_id}}).probe()
    assert office.logins == 2
    assert len(session_files(office)) == 2


def test_an_expired_session_is_renewed_and_the_new_one_stored(office: Office) -> None:
    office.client().probe()
    office.box.office.expire_sessions()
    office.client().probe()
    assert office.logins == 2
    assert {file.read_text() for file in session_files(office)} == office.session_ids()


def test_a_session_that_expires_between_two_reads_is_renewed(office: Office) -> None:
    client = office.logged_in()
    office.box.faults.arm("expire-session", operation="GetTypeList")
    assert client.books().voucher_type.number == 9
    assert office.logins == 2


def test_a_session_may_expire_before_each_of_two_saves(office: Office) -> None:
    client = office.logged_in()
    for _ in range(2):
        office.box.office.expire_sessions()
        assert save(client).kind == "drafted"


def test_a_session_that_is_refused_after_each_login_is_renewed_only_once(office: Office) -> None:
    client = office.logged_in()
    office.wire.answer("GetAccountList", fault("s:Server", "Not authenticated"))
    with pytest.raises(Unavailable, match="session"):
        client.books()
    assert office.logins == 2


def test_a_dry_run_uses_a_stored_session_and_stores_none(office: Office) -> None:
    office.client(keep=False).probe()
    assert not office.folder.exists()
    office.client().probe()
    before = {file: file.read_bytes() for file in session_files(office)}
    office.client(keep=False).probe()
    assert office.logins == 2
    office.box.office.expire_sessions()
    office.client(keep=False).probe()
    assert {file: file.read_bytes() for file in session_files(office)} == before


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"abcdefghijklmnopqrstuvwx", b"\xff\xfe\0", b"two\r\nlines: x", b"a;b", b"\0" * 24, b"x" * 5000],
    ids=["empty", "blank", "unknown", "binary", "a header", "two cookies", "zeros", "long"],
)
def test_a_stored_session_that_is_unusable_costs_one_login(office: Office, quick: None, content: bytes) -> None:
    office.client().probe()
    session_files(office)[0].write_bytes(content)
    assert save(office.logged_in()).kind == "drafted"
    assert office.logins == 2
    assert session_files(office)[0].read_text() in office.session_ids()


def test_a_session_that_cannot_be_stored_is_no_fault(office: Office) -> None:
    office.folder.write_text("a file in the folder's place")
    assert save(office.logged_in()).kind == "drafted"


@pytest.mark.parametrize("session_id", ["two words", "a;b", "a\tb", "å", "a,b", 'a"b'])
def test_a_session_id_that_cannot_be_sent_as_a_cookie_is_not_sent(office: Office, session_id: str) -> None:
    def change(reply: Reply) -> None:
        reply.body = re.sub(rb">\w+</", f">{session_id}</".encode(), reply.body)

    office.wire.change("Login", change)
    with pytest.raises(Unavailable, match="session id"):
        office.client().probe()
    assert office.wire.operations() == ["Login"]
    assert not session_files(office)


def test_a_refused_login_is_a_credentials_fault_that_names_the_user(office: Office) -> None:
    with pytest.raises(CredentialsFault, match=re.escape(office.box.office.username)):
        office.client(password="wrong").books()
    assert office.wire.operations() == ["Login"]
    assert not session_files(office)
