"""The text of a mail, where a run of a small shop does not show it."""

from datetime import UTC, datetime

from klarna24.config.contacts import Email
from klarna24.logs.redaction import register_secret
from klarna24.notify.alerts import Alert, Digest, KnownAlert
from klarna24.notify.letter import Part, compose
from tests.support.settings import EMAIL

NOW = datetime(2026, 11, 19, 3, tzinfo=UTC)


def body_and_subject(*parts: Part) -> tuple[str, str]:
    mail = compose(Email.model_validate(EMAIL), parts, NOW)
    return mail.get_content(), str(mail["Subject"])


def part(profile: str, *messages: str, hint: str = "") -> Part:
    alerts = [Alert(profile, message, "residual", message, hint) for message in messages]
    return Part(profile, "en", Digest(new=[KnownAlert(alert, NOW) for alert in alerts]))


def test_a_long_list_is_cut_and_the_rest_is_counted() -> None:
    body, subject = body_and_subject(part("shop1", *(f"problem {number};" for number in range(103))))
    assert subject == "klarna24 shop1: new: 103"
    assert "problem 99;" in body
    assert "problem 100;" not in body
    assert "… and 3 more" in body


def test_the_subject_names_a_few_profiles_and_counts_the_others() -> None:
    body, subject = body_and_subject(*(part(f"shop{number}", "problem") for number in range(1, 6)))
    assert subject == "klarna24 shop1, shop2, shop3 +2: new: 5"
    assert "\nklarna24 status --profile shop5" in body


def test_text_is_wrapped_but_a_command_is_not() -> None:
    command = f"klarna24 resolve --profile shop1 {'X' * 80} --skip"
    body, _ = body_and_subject(part("shop1", "a sentence " * 20, hint=command))
    assert f"\n  → {command}\n" in body
    assert max(len(line) for line in body.splitlines() if command not in line) <= 78


def test_a_secret_is_removed_from_the_subject_and_the_body() -> None:
    register_secret("hemligt-ord")
    body, subject = body_and_subject(part("hemligt-ord", "it is hemligt-ord"))
    assert "hemligt" not in body + subject
    assert "it is [secret]" in body
