"""With a language in the profile, all that a person reads on the terminal is in it, and figures and dates in its
form. A made-up catalogue hides the letters of each sentence that is translated: what can still be read is a name,
a key, a command, or a text that nobody can translate."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from klarna24.cli.main import COMMANDS
from klarna24.config.tables import Accounts, Profile, TwentyFour, Vat, VoucherSettings
from klarna24.text import sentences
from tests.support.processes import screen, terminal
from tests.support.shops import NOON, OpenShop, Shop, simple

HIDDEN = "·"
TABLES = (Accounts, Profile, TwentyFour, Vat, VoucherSettings)
NAMES = {
    *("klarna24", "shop1", "shop2", "shop", "toml", "root", "payout", "sandbox", "sqlite", "localhost", "klarna"),
    *("advance", "repayment"),  # of a comment of Klarna's
    *("profiles", "europe", "playground", "live"),  # environments are values of profiles.toml
    *("daemon", "systemctl", "enable", "timer", "service", "etc", "system", "systemd", "reload", "mkdir", "user"),
    *(word for command in COMMANDS for word in command.split("-")),
    *(key for table in TABLES for key in table.model_fields),
}
FIGURE = re.compile(r"\d,\d{3}\b|\d\.\d\d\b(?!\.)")
ENGLISH_DAY = re.compile(r"\d{1,2}\s[A-Z][a-z]{2}\s\d{4}")
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class _Hiding:
    """A catalogue whose translations show only the values of a sentence."""

    def gettext(self, template: str) -> str:
        return re.sub(r"\{\w+\}|[^\W\d_]", lambda it: it[0] if it[0][0] == "{" else HIDDEN, template)


@pytest.fixture(params=["sv", "nb"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sentences, "_catalogue", lambda _: _Hiding())
    monkeypatch.setenv("COLUMNS", "200")  # no path is broken in two
    return str(request.param)


def readable(shop: Shop, text: str) -> set[str]:
    """The words that are no names, keys, options, paths or parts of a command."""
    text = re.sub(r"klarna24( [\w.-]+)+", "", text)
    text = re.sub(r"--[\w-]+|\S*[/\\@=\[\]\"_]\S*|\S+\.\S+", " ", text)
    words = set(re.findall(r"(?<![\w·])[a-z]{3,}(?![\w·])", text))
    accounts = " ".join(shop.box.office.home.chart.values())
    return words - NAMES - set(re.findall(r"\w+", f"{shop.config.read_text()} {accounts}"))


def outputs(shop: Shop) -> Iterator[tuple[str, str]]:
    """Each command with what it prints: before, between and after two runs."""

    def run(*arguments: str) -> tuple[str, str]:
        result = shop.run(*arguments)
        # the log on stderr stays English
        return " ".join(arguments), result.out + ("" if "-v" in arguments else result.err)

    yield run("check")
    yield run("status")
    yield run("list")
    yield run("dry-run", "--all")
    yield run("-v", "sync", "--all")
    yield run("sync", "--all", "--now")
    yield run("status")
    yield run("status", "--waiting")
    yield run("list")
    yield run("report", "--month", f"{NOON:%Y-%m}")
    yield run("archive")
    yield run("archive", "--verify")
    yield run("schedule", "--profile", "shop1")
    yield run("schedule", "--profile", "shop1", "--systemd")
    yield run("resolve", "--profile", "shop1", "XNXP9NA8", "--skip", "--yes")
    yield run("resolve", "--profile", "shop1", "XNXP9NA8", "--skip", "--yes")
    yield run("resolve", "--profile", "shop1", "NONE", "--skip", "--yes")
    yield run("resolve", "--profile", "shop1", "X", "--skip", "--yes")
    yield run("resolve", "--profile", "shop1", "XNXP9NA8", "--resend")
    yield run("dry-run", "--all", "--from", f"{NOON - timedelta(days=60):%Y-%m-%d}")
    yield run("state", "new")
    yield run("report", "--html", str(shop.folder))
    yield run("-q", "check")


def test_nothing_that_a_person_reads_is_left_untranslated(shop: Shop, language: str) -> None:
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write({"language": language})
    for command, text in outputs(shop):
        assert HIDDEN in text or not text, command
        assert readable(shop, text) == set(), f"{command}\n{text}"
        shown = re.sub(r"Klarna \w+ \d{4}-\d\d-\d\d", "", text)  # the name of a voucher, as it is saved
        shown = re.sub(r"klarna24 .*|\S*[/:]\S*|--\S+ \S+", "", shown)
        for form in [FIGURE, ENGLISH_DAY, *([ISO_DAY] if language == "nb" else [])]:
            assert not form.search(shown), f"{command}: {form.search(shown)}\n{shown}"


@pytest.mark.parametrize(("language", "yes", "word"), [("sv", "j", "överhoppad"), ("nb", "ja", "hoppet over")])
def test_questions_are_asked_and_answered_in_it(open_shop: OpenShop, language: str, yes: str, word: str) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", sale_amount=100000, fee_amount=3000)])
    shop.write({"language": language, "accounts": {"fees": None}})
    shop.sync()
    child = terminal(shop.config, "resolve", "--profile", "shop1", "XISA93DJ", "--skip", **shop.box.environment())
    child.expect(r"XISA93DJ .*\[j/N\]: ")
    child.sendline(yes)
    assert word in "\n".join(screen(child))
    assert word in shop.run("log").out


def test_each_profile_is_shown_in_its_own_language_and_all_of_them_in_that_of_the_environment(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.write(
        {"language": "sv", "klarna": {"currencies": ["SEK"]}},
        shop2={"language": "nb", "klarna": {"currencies": ["NOK"]}},
    )
    monkeypatch.setenv("LANGUAGE", "nb")
    status = shop.run("status", "--profile", "shop1", "--profile", "shop2").out
    assert "senaste utbetalning" in status
    assert "nyeste utbetaling" in status
    assert "profilene" in shop.run("sync").err
    monkeypatch.setenv("LANGUAGE", "sv")
    assert "profilerna" in shop.run("sync").err
    monkeypatch.setenv("LANGUAGE", "C")
    assert "name the profiles" in shop.run("sync").err


def test_documents_and_exit_codes_are_the_same_in_every_language(shop: Shop) -> None:
    found = []
    shop.sync()
    for language in ("en", "sv", "nb"):
        shop.write({"language": language})
        found.append([shop.run(*it, "--json") for it in (("status",), ("list",), ("log",))])
    assert found[0] == found[1] == found[2]
