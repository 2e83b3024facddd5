"""What is known to be secret is in no text that was redacted, in whatever form and wherever it stands."""

import base64
import html
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klarna24.config.credentials import fetch
from klarna24.config.values import Secret
from klarna24.logs import redaction
from klarna24.logs.redaction import print_traceback, redacted, register_secret, server_text
from klarna24.twentyfour.answers import Answer, Kind, of_result

PASSWORD = "pä\"ss'<w&o rd\\/+9"
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=8, max_size=20)


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    before = dict(redaction._known)
    redaction._known.clear()
    yield
    redaction._known.clear()
    redaction._known.update(before)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"a {PASSWORD} b", "a [secret] b"),
        (f"{PASSWORD}{PASSWORD}", "[secret]"),
        (repr({"p": PASSWORD}), "{'p': '[secret]'}"),
        (repr(PASSWORD.encode()), "b'[secret]'"),
        (f"{PASSWORD!a}", "'[secret]'"),
        (json.dumps([PASSWORD]), '["[secret]"]'),
        (json.dumps([PASSWORD], ensure_ascii=False), '["[secret]"]'),
        (f"<a>{html.escape(PASSWORD)}</a>", "<a>[secret]</a>"),
        (f"?q={quote(PASSWORD, safe='')}&r", "?q=[secret]&r"),
        (f"?q={quote_plus(PASSWORD)}&r", "?q=[secret]&r"),
        (f"?q={quote(PASSWORD).lower()}&r", "?q=[secret]&r"),
        (PASSWORD.encode().decode("latin-1"), "[secret]"),
    ],
)
def test_every_form_is_known(text: str, left: str) -> None:
    register_secret(PASSWORD)
    assert redacted(text) == left


@pytest.mark.parametrize("user", ["", "u", "us", "use", "\0user\0"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_basic_and_plain_are_known_whoever_the_user_is(
    user: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    register_secret(PASSWORD)
    token = encode(f"{user}{PASSWORD}{after}".encode()).decode()
    assert redacted(f"Basic {token} is it") == "Basic [secret] is it"


@given(st.lists(secrets, min_size=1, max_size=4), st.text(max_size=5), st.text(max_size=5))
def test_no_secret_is_left_over_by_another(known: list[str], before: str, between: str) -> None:
    """One may begin within the other."""
    register_secret(*known)
    left = redacted(before + between.join([*known, known[0][4:] + known[-1]]))
    assert not [secret for secret in known if secret in left.replace("[secret]", "\0")]


def test_two_that_overlap_leave_nothing(nothing_known: None) -> None:
    register_secret("abcdXY", "XYefgh")
    assert redacted("-abcdXYefgh-") == "-[secret]-"


def test_a_short_one_is_hidden_only_where_it_is_a_value_by_itself() -> None:
    """Else every a of every line would be one, and that would tell it."""
    register_secret("a", "")
    text = "a bug has a name: {'word': 'a', 'b': \"a\"} ?p=a&q <P>a</P>"
    assert redacted(text) == (
        "a bug has a name: {'word': '[secret]', 'b': \"[secret]\"} ?p=[secret]&q <P>[secret]</P>"
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Basic YTpi", "Authorization: [secret]"),
        ("{'authorization': b'Basic YTpi', 'x': 1}", "{'authorization': b'[secret]', 'x': 1}"),
        ("('Set-Cookie', 'ASP.NET_SessionId=abc; path=/')", "('Set-Cookie', '[secret]')"),
        ("GET / ASP.NET_SessionId=abc; x", "GET / ASP.NET_SessionId=[secret]; x"),
        ("<t:Password>abc</t:Password>", "<t:Password>[secret]</t:Password>"),
        ("{'Password': 'abc', 'Username': 'u'}", "{'Password': [secret], 'Username': 'u'}"),
        ("http://user:abc@proxy:3128/x", "http://[secret]@proxy:3128/x"),
        (
            "[profiles.shop1.klarna] password: the file is empty",
            "[profiles.shop1.klarna] password: the file is empty",
        ),
        ("a session id that no cookie can hold", "a session id that no cookie can hold"),
    ],
)
def test_where_only_a_secret_stands_none_is_left_known_or_not(text: str, left: str) -> None:
    assert redacted(text) == left


def test_what_is_heard_is_redacted_before_it_is_cut() -> None:
    register_secret("0123456789")
    assert server_text("refused:\n 0123456789 is wrong", 14) == "refused: [secr"
    assert server_text(None) == ""


def test_the_memory_has_an_end_and_what_is_met_again_stays() -> None:
    register_secret("the first one")
    for number in range(redaction.MOST_SECRETS):
        register_secret(f"secret number {number}", "the first one")
    assert len(redaction._known) == redaction.MOST_SECRETS
    assert redacted("the first one, secret number 0") == "[secret], secret number 0"


def test_what_an_answer_counts_as_does_not_hang_on_the_password() -> None:
    register_secret("NotSaved")
    assert of_result("NotSaved", None) == Answer(Kind.REJECTED, "[secret]")


def test_a_password_is_known_once_it_was_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP1", PASSWORD)
    fetch(Secret("env", "SHOP1"), "shop1.klarna")
    assert redacted(PASSWORD) == "[secret]"


def test_a_traceback_is_as_pythons_but_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    register_secret(PASSWORD)
    try:
        try:
            raise KeyError(PASSWORD)
        except KeyError as error:
            raise ValueError(f"not {PASSWORD}\x1b[31m\nsecond line") from error
    except ValueError:
        print_traceback()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "KeyError: '[secret]'" in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[lines.index("ValueError: not [secret][31m") + 1] == "second line"


def test_of_a_library_that_reads_answers_a_traceback_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from pydantic import TypeAdapter

    name = "Anna Svensson"
    try:
        TypeAdapter(int).validate_python(name)
    except ValueError:
        print_traceback()
    text = capsys.readouterr().err
    assert "Anna" not in text
    assert "ValidationError: (" in text
