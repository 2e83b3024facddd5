"""No registered secret is left in a redacted text, in the forms and places in which a message can contain it."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klarna24.config.credentials import fetch
from klarna24.config.values import Secret
from klarna24.logs.redaction import forget_secrets, redacted, register_guid, register_secret, server_text
from klarna24.twentyfour.answers import Answer, Kind, of_reply
from tests.support.office import save_result

PASSWORD = "pä\"ss'<w&o rd\\/+9"
TOKEN = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=8, max_size=20)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"a {PASSWORD} b", "a [secret] b"),
        (f"{PASSWORD}{PASSWORD}", "[secret]"),
        (repr({"p": PASSWORD}), "{'p': '[secret]'}"),
        (json.dumps([PASSWORD]), '["[secret]"]'),
        (json.dumps([PASSWORD], ensure_ascii=False), '["[secret]"]'),
        (f"<a>{html.escape(PASSWORD)}</a>", "<a>[secret]</a>"),
        (f"<a>{html.escape(PASSWORD, quote=False)}</a>", "<a>[secret]</a>"),
        (f"?q={quote(PASSWORD)}&r", "?q=[secret]&r"),
        (f"?q={quote(PASSWORD, safe='')}&r", "?q=[secret]&r"),
        (f"?q={quote_plus(PASSWORD)}&r", "?q=[secret]&r"),
    ],
)
def test_a_registered_secret_is_removed_in_every_form(text: str, left: str) -> None:
    assert redacted(text) == text
    register_secret(PASSWORD)
    assert redacted(text) == left


@given(st.lists(secrets, min_size=1, max_size=4), st.text(max_size=5), st.text(max_size=5))
def test_no_secret_is_left_where_one_begins_within_another(known: list[str], before: str, between: str) -> None:
    forget_secrets()
    register_secret(*known)
    left = redacted(before + between.join([*known, known[0][4:] + known[-1]]))
    assert not [secret for secret in known if secret in left.replace("[secret]", "\0")]


def test_two_secrets_that_overlap_leave_nothing() -> None:
    register_secret("abcdXY", "XYefgh")
    assert redacted("-abcdXYefgh-") == "-[secret]-"


def test_a_secret_too_short_to_be_told_from_words_is_left() -> None:
    register_secret("a", "", "bug")
    assert redacted("a bug has a name") == "a bug has a name"


def test_a_guid_is_removed_in_capitals_too() -> None:
    register_guid("abcd-EF01")
    assert redacted("abcd-EF01 ABCD-EF01 abcd-ef01") == "[secret] [secret] [secret]"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Basic YTpi", "Authorization: [secret]"),
        ("{'authorization': b'Basic YTpi', 'x': 1}", "{'authorization': b'[secret]', 'x': 1}"),
        (f"401: Basic {TOKEN}, or AUTH PLAIN {TOKEN}", "401: Basic [secret], or AUTH PLAIN [secret]"),
        ("('Set-Cookie', 'ASP.NET_SessionId=abc; path=/')", "('Set-Cookie', '[secret]')"),
        ("GET / ASP.NET_SessionId=abc; x", "GET / ASP.NET_SessionId=[secret]; x"),
        ("<t:Password>abc</t:Password>", "<t:Password>[secret]</t:Password>"),
        ("{'Password': 'abc', 'Username': 'u'}", "{'Password': [secret], 'Username': 'u'}"),
        ("http://user:abc@proxy:3128/x", "http://[secret]@proxy:3128/x"),
        *[
            (text, text)
            for text in (
                "[profiles.shop1.klarna] password: the file is empty",
                "a session id that no cookie can hold",
                "the server offers no basic authentication, AUTH is missing",
            )
        ],
    ],
)
def test_what_stands_where_only_a_secret_stands_is_removed_registered_or_not(text: str, left: str) -> None:
    assert redacted(text) == left


def test_a_servers_text_is_redacted_before_it_is_cut() -> None:
    register_secret("0123456789")
    assert server_text("refused:\n 0123456789 is wrong", 14) == "refused: [secr"
    assert server_text(None) == ""


def test_a_password_does_not_change_what_an_answer_means() -> None:
    register_secret("NotSaved")
    assert of_reply(200, save_result("<Type>NotSaved</Type>")) == Answer(Kind.REJECTED, "[secret]")


def test_a_password_is_registered_when_it_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP1", PASSWORD)
    fetch(Secret("env", "SHOP1"), "shop1.klarna")
    assert redacted(PASSWORD) == "[secret]"
    forget_secrets()
    assert redacted(PASSWORD) == PASSWORD
