"""Who is mailed about problems, and the mail server, which is tried."""

import re
from datetime import UTC, datetime
from typing import Any

from klarna24.cli.setup.draft import FIRST_ANSWER_SECONDS, Draft
from klarna24.cli.setup.prompts import NONE, Refused
from klarna24.cli.setup.question import Again, Question
from klarna24.cli.setup.settings import number_check
from klarna24.config.contacts import Email
from klarna24.errors import CredentialsFault, Klarna24Error
from klarna24.notify import smtp
from klarna24.notify.letter import trial_letter
from klarna24.notify.limit import within
from klarna24.text.sentences import sentence

PLACE = "notify.email"
SECURITIES = {
    "starttls": sentence("STARTTLS, port 587 (usual)"),
    "tls": sentence("TLS, port 465"),
    "none": sentence("no encryption, port 25"),
}
PORTS = {"starttls": 587, "tls": 465, "none": 25}
SERVER = ("mail.host", "mail.security", "mail.port", "mail.username", "mail.from", "mail.to", "mail.login")


def _mail(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = draft.top.get("notify", {}).get("email", {})
    return found


def ask_whether(draft: Draft) -> None:
    """Whether problems are mailed at all."""
    draft.prompts.heading(
        sentence("A mail is sent when a problem is new, again after a week, and when it is over.")
    )
    if draft.prompts.yes_no(sentence("Send mail about problems"), default="notify" in draft.top):
        draft.top.setdefault("notify", {"email": {}})
        if not _mail(draft):
            draft.reopen(SERVER)
        return
    draft.top.pop("notify", None)
    draft.typed.pop(PLACE, None)


def ask_host(draft: Draft) -> None:
    """The server's name."""
    _mail(draft)["host"] = draft.prompts.text(sentence("Mail server"), _mail(draft).get("host"))
    draft.reopen(["mail.login"])


def ask_security(draft: Draft) -> None:
    """How the connection is encrypted."""
    known = _mail(draft).get("security", "starttls")
    chosen = draft.prompts.choice(sentence("Encryption"), SECURITIES, known)
    if chosen != _mail(draft).get("security"):
        _mail(draft).pop("port", None)
        draft.reopen(["mail.port"])
    _mail(draft)["security"] = chosen
    draft.reopen(["mail.login"])


def ask_port(draft: Draft) -> None:
    """The usual one is suggested."""
    usual = str(_mail(draft).get("port", PORTS[_mail(draft)["security"]]))
    _mail(draft)["port"] = int(draft.prompts.text(sentence("Port"), usual, number_check(65535)))
    draft.reopen(["mail.login"])


def ask_user(draft: Draft) -> None:
    """The user name and the password, if the server wants them."""
    email = _mail(draft)
    answer = draft.prompts.text(sentence("User name (- for none)"), email.get("username", NONE))
    draft.reopen(["mail.login"])
    if answer == NONE:
        email.pop("username", None)
        draft.typed.pop(PLACE, None)
        return
    email["username"] = answer
    draft.ask_password(PLACE, sentence("Password"))


def ask_sender(draft: Draft) -> None:
    """Who writes."""
    _mail(draft)["from"] = draft.prompts.text(
        sentence("Sender (a mail address)"), _mail(draft).get("from"), _check_address
    )
    draft.reopen(["mail.login"])


def ask_recipients(draft: Draft) -> None:
    """To whom; one or several."""

    def check(answer: str) -> str:
        return ", ".join(_check_address(part) for part in re.split(r"[,;\s]+", answer) if part)

    known = ", ".join(_mail(draft).get("to", [])) or None
    answer = draft.prompts.text(sentence("Recipients (several with a comma between)"), known, check)
    _mail(draft)["to"] = answer.split(", ")
    draft.reopen(["mail.login"])


def try_server(draft: Draft) -> None:
    """Log in, send nothing. Raises Again where that fails."""
    email, password = _email_of(draft), draft.typed.get(PLACE)
    draft.prompts.say(
        sentence("Asking {server} at {host} …", server=f"{email.host}:{email.port}", host=email.host),
        indent=2,
        colour="bright_black",
    )
    try:
        within(FIRST_ANSWER_SECONDS, lambda: smtp.log_in(email, password))
    except TimeoutError:
        _say_no_answer(draft, email)
    except Klarna24Error as error:
        if isinstance(error, CredentialsFault):
            draft.forget_password(PLACE)
        draft.prompts.error(error.message, error.hint)
    else:
        draft.prompts.ok(sentence("the mail server answers; nothing was sent"))
        draft.reopen(["mail.test"])
        return
    if draft.prompts.yes_no(sentence("Change the mail settings"), default=True):
        raise Again(*SERVER)
    draft.answered.add("mail.test")


def _say_no_answer(draft: Draft, email: Email) -> None:
    draft.prompts.error(
        sentence(
            "{server} did not answer at {host} within {seconds} s",
            server=sentence("the mail server"),
            host=f"{email.host}:{email.port}",
            seconds=int(FIRST_ANSWER_SECONDS),
        )
    )


def ask_test(draft: Draft) -> None:
    """Send a test mail, if that is wanted."""
    email = _email_of(draft)
    question = sentence("Send a test mail to {to} now", to=", ".join(email.to))
    if not draft.prompts.yes_no(question, default=False):
        return
    language = draft.get("", "language", "en")
    try:
        smtp.send(email, draft.typed.get(PLACE), trial_letter(email, [draft.name], language, datetime.now(UTC)))
    except Klarna24Error as error:
        draft.prompts.error(error.message, error.hint)
        raise Again(*SERVER) from None
    draft.prompts.ok(sentence("a test mail was sent to {to}", to=", ".join(email.to)))


def _email_of(draft: Draft) -> Email:
    password = {"password": {"env": "unused"}} if "username" in _mail(draft) else {}
    return Email.model_validate({**_mail(draft), **password})


def _check_address(answer: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", answer):
        raise Refused(sentence("an address looks like {example}", example="accounts@shop1.se"))
    return answer


def _is_free(draft: Draft) -> bool:
    """Whether neither the file nor the profile has mail settings of its own."""
    return "notify" not in draft.file and "notify" not in draft.table


def _is_wanted(draft: Draft) -> bool:
    return _is_free(draft) and "notify" in draft.top


QUESTIONS = (
    Question(
        "mail",
        ask_whether,
        sentence("Mail about problems"),
        lambda draft: ", ".join(_mail(draft).get("to", [])) or "–",
        applies=_is_free,
    ),
    Question(
        "mail.host", ask_host, sentence("Mail server"), lambda draft: _mail(draft)["host"], applies=_is_wanted
    ),
    Question(
        "mail.security",
        ask_security,
        sentence("Encryption of mail"),
        lambda draft: draft.prompts.reader.say(SECURITIES[_mail(draft)["security"]]),
        applies=_is_wanted,
    ),
    Question("mail.port", ask_port, sentence("Port"), lambda draft: str(_mail(draft)["port"]), applies=_is_wanted),
    Question(
        "mail.username",
        ask_user,
        sentence("User name at the mail server"),
        lambda draft: _mail(draft).get("username", "–"),
        applies=_is_wanted,
    ),
    Question(
        "mail.from", ask_sender, sentence("Sender of mail"), lambda draft: _mail(draft)["from"], applies=_is_wanted
    ),
    Question(
        "mail.to",
        ask_recipients,
        sentence("Recipients of mail"),
        lambda draft: ", ".join(_mail(draft)["to"]),
        applies=_is_wanted,
    ),
    Question("mail.login", try_server, applies=_is_wanted, is_silent=True),
    Question("mail.test", ask_test, applies=_is_wanted),
)
