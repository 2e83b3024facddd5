"""klarna24 init on a real terminal, against the sandbox."""

import contextlib
import difflib
import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import tomli_w

from klarna24.cli import main as cli
from klarna24.sandbox.office.chart import chart
from klarna24.sandbox.server import Sandbox
from tests.support import ROOT
from tests.support.mail_server import OpenMail
from tests.support.processes import ESCAPES, terminal
from tests.support.shops import OpenShop, Shop, simple
from tests.support.smtp_server import PASSWORD, USER

Answers = list[tuple[str, str]]
REVIEW = r"Number of an answer to change it \[go on\]: "
SAVE = r"Save profile .*?\[Y/n\]: "
HISTORY = r"Check the payouts of the last 12 months .*?\[y/N\]: "
END: Answers = [(SAVE, ""), (HISTORY, "")]


class Conversation:
    """A terminal in which init runs; ``seen`` is everything that it has shown."""

    def __init__(self, folder: Path, *arguments: str, language: str = "en", options: Iterable[str] = ()) -> None:
        (folder / "home").mkdir(exist_ok=True)
        environment = {"HOME": str(folder / "home"), "LANGUAGE": language}
        self.child = terminal(folder / "profiles.toml", *options, "init", *arguments, **environment)
        self.child.delaybeforesend = None  # each question is awaited before its answer
        self.seen = ""

    def answer(self, answers: Iterable[tuple[str, str]]) -> None:
        """Type each answer to its question, which is a regular expression; a long one may be wrapped."""
        for question, answer in answers:
            self.child.expect(re.sub(" +", r"\\s+", question))
            self.seen += f"{self.child.before}{self.child.after}"
            if question.startswith(("API password", "Password", "API-lösenord", "Lösenord")):
                self.child.expect(": ")  # getpass discards what is typed before the end of its question
            self.child.sendline(answer)

    def interrupt(self, question: str) -> None:
        """Press Ctrl-C at this question."""
        self.child.expect(re.sub(" +", r"\\s+", question))
        self.child.sendintr()

    def end(self) -> str:
        """Everything that was shown, once the program has ended."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        self.seen += str(self.child.before)
        assert "Traceback" not in self.seen
        return ESCAPES.sub("", self.seen).replace("\r", "")


def conversation(name: str, box: Sandbox | None = None, state: Path | None = None) -> Answers:
    """Each question of the file, a regular expression, with its answer."""
    known: dict[str, Any] = {"state": state}
    if box:
        known |= {"url": box.url, "klarna_user": box.klarna.username, "klarna_password": box.klarna.password}
        known |= {"office_user": box.office.username, "office_password": box.office.password}
        known |= {"application_id": box.office.application_id}
    lines = (Path(__file__).parent / "conversations" / f"{name}.txt").read_text("utf-8").splitlines()
    pairs = [line.split(" →") for line in lines]
    return [(question, answer.strip().format(**known)) for question, answer in pairs]


def part(answers: Answers, first: str, last: str) -> Answers:
    """The answers from the question that has ``first`` in it up to the one before ``last``."""
    places = {it: next(n for n, (question, _) in enumerate(answers) if it in question) for it in (first, last)}
    return answers[places[first] : places[last]]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """With the sandbox's own payouts."""
    with Sandbox() as sandbox:
        yield sandbox


def run(folder: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = cli.run(["--config", str(folder / "profiles.toml"), *arguments])
    return code, capsys.readouterr().out


def written(folder: Path, name: str = "shop1") -> Any:
    """The profile in the file."""
    return tomllib.loads((folder / "profiles.toml").read_text())["profiles"][name]


def test_a_lump_profile_on_plain_accounts(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(tmp_path)
    talk.answer(conversation("lump", box, tmp_path / "state"))
    seen = talk.end()
    assert "✓ logged in to Exempelbutiken AB" in seen
    assert "Payouts since 1 Jan 2026: 13." in seen.replace("\xa0", " ")
    assert "klarna24 check --profile shop1 --as-cron" in seen
    assert f"  export KLARNA24_CONFIG={tmp_path / 'profiles.toml'}\n" in seen, (
        "the next commands would not find it"
    )
    assert "KLARNA24_STATE_DIR" not in seen, "the file names it"
    assert "payouts from" in seen, "the history was asked for"
    assert max(map(len, seen[: seen.index("For crontab")].replace(str(tmp_path), "").splitlines())) <= 80
    assert box.klarna.password not in seen
    assert box.office.password not in seen
    text = (tmp_path / "profiles.toml").read_text()
    assert box.klarna.password not in text
    assert (tmp_path / "profiles.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets" / "shop1.klarna").stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(text)["state_dir"] == str(tmp_path / "state")
    profile = written(tmp_path)
    keys = ("payout", "receivable", "fees", "fees_vat", "commission", "holdback", "debt")
    suggested = (1940, 1580, 6064, 2641, 3921, 1689, 2899)
    assert profile["accounts"] == dict(zip(keys, suggested, strict=True))
    assert profile["24sevenoffice"]["client_id"] == box.office.home.client_id
    assert profile["timezone"] == "Europe/Stockholm"
    assert (profile["language"], profile["expect_payout_within_days"]) == ("en", 14)
    assert not {"references", "voucher", "vat", "evidence"} & {*profile}, "what nobody asked for has its default"
    code, out = run(tmp_path, "dry-run", "--profile", "shop1", capsys=capsys)
    assert code == 7, "two of the payouts are meant to be blocked"
    assert "Diverse, 7 entries" in out
    assert not (tmp_path / "state").exists(), "init and dry-run create no state"


def test_the_preview_and_its_question_fit_a_screen(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer([*part(answers, "Language", "Detail"), (r"Detail \[1\]: ", "3")])
    talk.answer(part(answers, "Where the money", "Department"))
    talk.answer([(r"Department \[-\]: ", ""), *[(r" goes to \[\d\]: ", "")] * 4])
    talk.answer([*part(answers, r"How often", "answer to change"), (REVIEW, ""), (r"Place \[1\]: ", "")])
    talk.answer([(r"The last payout, .*\[Y/n\]: ", "n")])
    preview = str(talk.child.after)
    talk.end()
    assert len(preview.splitlines()) <= 24
    assert "more lines, which dry-run shows" in preview
    assert "later payouts that are blocked: 2; dry-run shows why" in preview, "it is not the last one then"
    assert not (tmp_path / "profiles.toml").exists(), "the answer was no"


def test_the_language_is_asked_first_and_all_that_follows_is_in_it(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path, language="sv_SE:en")
    talk.answer(conversation("svenska", box))
    seen = talk.end().replace("\xa0", " ")
    for text in ("Tryck Enter", "Klarna svarar", "Utbetalningar sedan 2026-01-01: 12.", "Nästa steg:"):
        assert text in seen
    english = seen[: seen.index("Den senaste utbetalningen")].split()
    assert not {"the", "The", "of", "which", "Enter the"} & {*english}
    profile = written(tmp_path, "butiken")
    assert (profile["language"], profile["frequency"], profile["weekday"]) == ("sv", "weekly", "friday")
    assert profile["klarna"]["currencies"] == ["SEK"]


def test_a_norwegian_company_has_to_think_about_vat_in_norwegian(box: Sandbox, tmp_path: Path) -> None:
    home = box.office.home
    home.country, home.home_currency = "Norway", "NOK"
    home.chart = {**chart("ns-4102"), 1945: "Klarna oppgjør"}
    talk = Conversation(tmp_path, language="nb")
    answers = [answer for _, answer in part(conversation("lump", box), "Language", "Company")]
    questions = ["språk", "Nettbutikkens navn", "Hvor er butikken", "Adresse", "API-brukernavn", "API-passord.*"]
    questions += ["Adresse til", "Brukernavn", "Passord.*", "Applikasjons-id"]
    talk.answer([(f"{question}.*?: ", it) for question, it in zip(questions, ["3", *answers[1:]], strict=True)])
    talk.answer([("Selskap: ", "3000024"), ("Hvilke hører.*: ", ""), (r"Startdato \[\d\d\.\d\d\.\d{4}\]: ", "")])
    talk.answer([("Detaljnivå.*: ", ""), (r"Der pengene .*?\[1945 Klarna oppgjør\]: ", "")])
    talk.answer([(r"Fordringen for salg .*?\]: ", ""), *[(r"\]: ", "")] * 7])
    talk.answer([(r"snudd avregning.*Hvordan bokføres den: ", "3"), (r"Mva-sats i prosent \[25\]: ", "")])
    talk.answer([("Kontoen for utgående mva.*?: ", "2700"), ("Kontoen for inngående mva.*?: ", "2710")])
    talk.interrupt("Avdeling.*: ")
    assert "Ingenting ble lagret." in talk.end()


def test_an_itemised_profile_on_a_ledger_account_with_references_and_a_department(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(tmp_path, "--profile", "butik")
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer([answers[0], *part(answers, "Where is the shop", "Detail"), *conversation("itemised")])
    talk.answer([*part(answers, r"How often", "Save"), (SAVE, "y"), (HISTORY, "")])
    talk.end()
    profile = written(tmp_path, "butik")
    references = {"order_id": "comment", "short_order_id": "ocr", "merchant_reference2": "invoice_no"}
    assert profile["references"] == references
    assert profile["voucher"] == {"customer_id": 1001, "department_id": 10}
    code, out = run(tmp_path, "dry-run", "--profile", "butik", "--json", capsys=capsys)
    assert code == 7
    assert '"customer_id": 1001' in out
    assert '"department_id": 10' in out


def test_what_was_typed_is_remembered_when_one_goes_back(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer([*part(answers, "Language", "Detail"), (r"Detail \[1\]: ", "2")])
    talk.answer([("Where the money arrives.*?: ", "1930"), ("The receivable .*?: ", "<")])
    talk.answer([(r"Where the money arrives.*?\[1930 .*?: ", "<"), (r"Detail \[2\]: ", "<")])
    talk.answer([(r"Start date \[2026-01-01\]: ", ""), (r"Detail \[2\]: ", "1")])
    talk.interrupt(r"Where the money arrives.*?\[1930 .*?: ")
    talk.end()


def test_an_order_id_in_the_ocr_field_is_advised_against(box: Sandbox, tmp_path: Path) -> None:
    shop_in(tmp_path, box)
    talk = Conversation(tmp_path, "--profile", "shop1")
    talk.answer([(r"Language.*?: ", ""), (REVIEW, "Detail"), (r"Detail \[1\]: ", "2")])
    talk.answer([(r"Order ID goes to \[4\]: ", "ocr"), ("36 characters.*The short order ID fits", "<")])
    talk.interrupt(r"Order ID goes to \[3\]: ")
    talk.end()


def shop_in(folder: Path, box: Sandbox, *names: str, **over: Any) -> None:
    """A profiles.toml with a complete profile for each name, or for shop1."""
    passwords = {"klarna": box.klarna.password, "24sevenoffice": box.office.password}
    profiles = {}
    for name in names or ("shop1",):
        table = {**box.profile(), **over}
        for place, password in passwords.items():
            file = folder / f"{name}.{place}"
            file.write_text(password)
            file.chmod(0o600)
            table[place] = {**table[place], "password": {"file": str(file)}}
        profiles[name] = table
    path = folder / "profiles.toml"
    path.write_text(tomli_w.dumps({"state_dir": str(folder / "state"), "profiles": profiles}))
    path.chmod(0o600)


def test_a_refused_password_is_reported_at_once_forgotten_and_asked_for_again(
    box: Sandbox, tmp_path: Path
) -> None:
    talk = Conversation(tmp_path)
    talk.answer([*part(conversation("lump", box), "Language", "API password"), ("API password", "wrong")])
    talk.answer([("refused the credentials.*API username .*?: ", ""), ("API password", "")])
    talk.answer([("it cannot be empty.*API password", box.klarna.password)])
    talk.answer([("Address .*?: ", ""), ("Username: ", box.office.username), ("Password", "wrong")])
    talk.answer([("Application id: ", box.office.application_id), ("knows no company", "")])
    talk.answer([("Password", box.office.password), (r"Application id \[.*?\]: ", "")])
    talk.interrupt("companies of this user: 2.*Company: ")
    talk.end()


def test_a_stored_password_that_is_refused_cannot_be_kept(box: Sandbox, tmp_path: Path) -> None:
    shop_in(tmp_path, box)
    (tmp_path / "shop1.klarna").write_text("old")
    talk = Conversation(tmp_path, "--profile", "shop1")
    talk.answer([("Language.*?: ", ""), ("refused the credentials.*API username .*?: ", "")])
    talk.answer([("API password", ""), ("it cannot be empty.*API password", box.klarna.password)])
    talk.interrupt(REVIEW)
    assert "Enter keeps" not in talk.end()


def test_ctrl_c_at_whichever_question_writes_nothing_and_says_so(box: Sandbox, tmp_path: Path) -> None:
    answers = conversation("lump", box, tmp_path / "state")[:-1]  # until it is saved
    for asked in range(0, len(answers), 2 if os.environ.get("CI") else 6):
        folder = tmp_path / f"at-{asked}"
        folder.mkdir()
        talk = Conversation(folder)
        talk.answer(answers[:asked])
        talk.interrupt(answers[asked][0])
        assert "Nothing was saved." in talk.end()
        assert talk.child.exitstatus == 130, answers[asked]
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "state").exists()


COMMENTED = """# the books of two shops
state_dir = "/somewhere"  # on the local disk

# the first shop
{first}
# the second shop: do not touch
{second}
[notify.email]  # for all
host = "smtp.example.com"
from = "a@example.com"
to = ["b@example.com"]
# the end
"""


def test_one_answer_of_an_existing_profile_is_changed_and_every_other_line_stays(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    shop: Shop = open_shop()
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2={"klarna": {"currencies": ["EUR"]}})
    whole = shop.config.read_text().replace("fees = 6064\n", "fees = 6064  # asked the auditor\n")
    start = whole.index("[profiles.shop2]")
    first, second = whole[whole.index("[profiles.shop1]") : start], whole[start:]
    before = COMMENTED.format(first=first.strip(), second=second.strip() + "\n")
    shop.config.write_text(before)
    talk = Conversation(shop.folder, "--profile", "shop1")
    talk.answer(conversation("edit"))
    seen = talk.end()
    assert "API password" not in seen, "nothing else is asked"
    lines = difflib.ndiff(before.splitlines(), shop.config.read_text().splitlines())
    assert [line for line in lines if line[0] in "+-"] == [
        '- frequency = "daily"',
        '+ frequency = "weekly"',
        '+ weekday = "friday"',
        "- fees = 6064  # asked the auditor",
        "+ fees = 6570  # asked the auditor",
    ]


def test_existing_profiles_are_shown_and_another_one_begins_with_their_answers(
    box: Sandbox, tmp_path: Path
) -> None:
    shop_in(tmp_path, box)
    talk = Conversation(tmp_path, "--like", "shop1")
    talk.answer([("Language.*?: ", "<"), ("Language.*?: ", ""), (r"Name of the web shop.* \[shop2\]: ", "<")])
    talk.answer([("Language.*?: ", ""), (r"Profiles so far:.*Name of the web shop.* \[shop2\]: ", "shop1")])
    talk.answer([("profile shop1 exists already", ""), (rf"API username \[{box.klarna.username}\]: ", "")])
    talk.answer([("API password.*Enter keeps", ""), (r"Company \[3000024 .*?\]: ", "")])
    talk.answer([(r"EUR; payouts: 1, in profile shop1.*Which of them .*?: ", "1")])
    talk.answer([(r"Profile shop1 is not limited yet. Limit it to N100198 SEK \[Y/n\]: ", "y")])
    talk.answer([("Start date .*?: ", "2030-01-01"), (r"Department \[-\]: ", ""), (REVIEW, "")])
    talk.answer([*END])
    talk.end()
    one, two = written(tmp_path, "shop1"), written(tmp_path, "shop2")
    assert (one["klarna"]["currencies"], two["klarna"]["currencies"]) == (["SEK"], ["EUR"])
    assert two["accounts"] == one["accounts"]
    talk = Conversation(tmp_path)
    talk.answer([("Language.*?: ", ""), (r"Profiles so far.*  shop1 .*  shop2 .*Name.*\[shop3\]: ", "shop2")])
    talk.interrupt(REVIEW)
    talk.end()


def test_two_shops_on_one_login_are_told_apart_by_their_merchants(open_shop: OpenShop) -> None:
    payouts = [simple("ONE", 3), simple("TWO", 2)]
    payouts[1][0]["merchant_id"] = "N200"
    shop = open_shop(payouts=payouts)
    shop_in(shop.folder, shop.box)
    talk = Conversation(shop.folder, "--profile", "shop2", "--like", "shop1")
    talk.answer([("Language.*?: ", ""), ("API username .*?: ", ""), ("API password", ""), ("Company .*?: ", "")])
    talk.answer([(r"merchant N100198, SEK.*merchant N200, SEK.*Which of them .*?: ", "all")])
    talk.answer([("profile shop1 books these too", ""), ("Which of them .*?: ", "2")])
    talk.answer([(r"Limit it to N100198 SEK \[Y/n\]: ", ""), ("Start date .*?: ", ""), ("Department .*?: ", "")])
    talk.answer([(REVIEW, ""), *END])
    talk.end()
    of_one, of_two = (written(shop.folder, name)["klarna"] for name in ("shop1", "shop2"))
    assert (of_one["merchant_ids"], of_two["merchant_ids"]) == (["N100198"], ["N200"])


def test_a_profile_begun_with_anothers_answers_is_offered_the_payouts_that_are_still_free(
    open_shop: OpenShop,
) -> None:
    payouts = [simple("ONE", 3), simple("TWO", 2)]
    payouts[1][0]["merchant_id"] = "N200"
    shop = open_shop(payouts=payouts)
    shop.write({"klarna": {"merchant_ids": ["N100198"]}})
    talk = Conversation(shop.folder, "--like", "shop1")
    talk.answer([("Language.*?: ", ""), ("web shop.*?: ", ""), ("API username .*?: ", ""), ("API password", "")])
    talk.answer([("Company .*?: ", ""), (r"2  merchant N200, SEK; payouts: 1\s+Which of them .*? \[2\]: ", "")])
    talk.interrupt("Start date .*?: ")
    talk.end()


def test_a_shop_that_has_had_no_payouts_yet_is_told_apart_by_the_id_of_its_merchant(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("ONE", 3)])
    shop_in(shop.folder, shop.box)
    talk = Conversation(shop.folder, "--like", "shop1")
    talk.answer([("Language.*?: ", ""), ("web shop.*?: ", ""), ("API username .*?: ", ""), ("API password", "")])
    talk.answer([("Company .*?: ", ""), ("type its merchant's id.*Which of them .*?: ", "new")])
    talk.answer([("or the id of a.*Which of them .*?: ", "N300")])
    talk.answer([(r"Limit it to N100198 SEK \[Y/n\]: ", ""), ("Start date .*?: ", ""), ("Department .*?: ", "")])
    talk.answer([(REVIEW, ""), *END])
    talk.end()
    of_one, of_two = (written(shop.folder, name)["klarna"] for name in ("shop1", "shop2"))
    assert (of_one["merchant_ids"], of_two["merchant_ids"]) == (["N100198"], ["N300"])
    assert ("currencies" in of_one, "currencies" in of_two) == (False, False)


def test_the_mail_server_is_tried_and_mails_several_only_on_request(
    box: Sandbox, tmp_path: Path, open_mail: OpenMail
) -> None:
    mail = open_mail()
    shop_in(tmp_path, box)
    talk = Conversation(tmp_path, "--profile", "shop1")
    talk.answer(
        [("Language.*?: ", ""), (REVIEW, "mail about"), (r"Send mail .*?: ", "yes"), ("server: ", "localhost")]
    )
    talk.answer([(r"Encryption \[1\]: ", ""), (r"Port \[587\]: ", str(mail.port)), (r"User name .*?: ", USER)])
    talk.answer([("Password", "wrong"), ("Sender .*?: ", "a@x.se"), ("Recipients .*?: ", "b@x.se; c@x.se")])
    talk.answer([(r"refused the login.*Change the mail settings \[Y/n\]: ", "")])
    talk.answer([(r"server \[localhost\]: ", ""), (r"Encryption \[1\]: ", ""), (rf"Port \[{mail.port}\]: ", "")])
    talk.answer([(rf"User name .*\[{USER}\]: ", ""), ("Password", PASSWORD), (r"\[a@x.se\]: ", "")])
    talk.answer([(r"\[b@x.se, c@x.se\]: ", ""), (r"nothing was sent.*\[y/N\]: ", "")])
    talk.answer([(REVIEW, "Recipients"), ("Recipients .*?: ", "b@x.se, d@x.se"), (r"Send a test mail .*?: ", "y")])
    talk.answer(
        [
            ("a test mail was sent to b@x.se, d@x.se.*" + REVIEW, ""),
            (r"Place \[1\]: ", ""),
            (SAVE, ""),
            (HISTORY, ""),
        ]
    )
    talk.end()
    assert [message["To"] for message in mail.mails] == ["b@x.se, d@x.se"]
    email = tomllib.loads((tmp_path / "profiles.toml").read_text())["notify"]["email"]
    assert email["to"] == ["b@x.se", "d@x.se"]
    assert PASSWORD not in (tmp_path / "profiles.toml").read_text()


def test_the_rare_settings_are_asked_on_request(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer([*part(answers, "Language", "More settings"), ("More settings.*: ", "y")])
    talk.answer(
        [(r"Time zone .*?: ", ""), (r"How is it booked \[1\]: ", "reverse"), (r"per cent \[25\]: ", "25,5")]
    )
    talk.answer(
        [(r"output VAT \[2614 .*?: ", ""), (r"input VAT \[2645 .*?: ", ""), (r"Lost disputes.*: ", "6351")]
    )
    talk.answer([(r"Voucher type \[9 .*?: ", ""), (r"Language \[1\]: ", "svenska"), (r"Remind of .*: ", "10")])
    talk.answer([(r"reach the draft \[1\]: ", "mail"), (r"no mail server yet.*reach the draft \[1\]: ", "1")])
    talk.answer([(r"archive .- for none. \[-\]: ", str(tmp_path / "archive")), (r"State folder .*?: ", "")])
    talk.answer([(REVIEW, ""), (r"Place \[1\]: ", ""), *END])
    talk.end()
    profile = written(tmp_path)
    assert profile["vat"] == {"mode": "reverse-charge", "rate": 25.5, "output": 2614, "input": 2645}
    assert profile["accounts"]["reversals"] == 6351
    assert (profile["language"], profile["remind_unbooked_after_days"]) == ("sv", 10)
    assert tomllib.loads((tmp_path / "profiles.toml").read_text())["archive"] == str(tmp_path / "archive")


def test_what_the_defaults_say_is_not_repeated_in_a_profile(box: Sandbox, tmp_path: Path) -> None:
    shop_in(tmp_path, box)
    path = tmp_path / "profiles.toml"
    path.write_text(path.read_text() + "\n[defaults]\nfrequency = 'weekly'\nweekday = 'friday'\n")
    path.write_text(path.read_text().replace('frequency = "daily"\n', ""))
    talk = Conversation(tmp_path, "--profile", "shop1")
    talk.answer([("Language.*?: ", ""), (r"How often weekly.* Friday.*" + REVIEW, "Alarm"), ("Raise.*?: ", "9")])
    talk.answer(
        [(REVIEW, "On which"), (r"On which day \[5\]: ", "monday"), (REVIEW, ""), (SAVE, ""), (HISTORY, "")]
    )
    talk.end()
    profile = written(tmp_path)
    assert (profile["weekday"], profile["expect_payout_within_days"]) == ("monday", 9)
    assert "frequency" not in profile


def test_the_sandbox_says_how_to_try_init(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "klarna24", "sandbox", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "LANGUAGE": "en"}
    with (
        subprocess.Popen(program, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process,
        contextlib.ExitStack() as at_the_end,
    ):
        at_the_end.callback(process.terminate)
        assert process.stdout
        said = "".join(itertools.takewhile(lambda line: "Ctrl-C ends it" not in line, process.stdout))
        answers = dict(re.findall(r"^  (\w[\w ]*?)  +(\S.*)$", said, re.MULTILINE))
        (options,) = re.findall(r"klarna24 (.*) init\n", said)
        talk = Conversation(tmp_path, options=options.split())
        talk.answer([("Language.*?: ", ""), ("Name of .*?: ", "")])
        for question, typed in answers.items():
            talk.answer([(question if "assword" in question else f"{question}.*?: ", typed.split(",")[0])])
        talk.interrupt("logged in to Exempelbutiken AB.*: ")
        talk.end()
    assert list(answers) == [
        *("Where is the shop", "Address", "API username", "API password", "Address of 24SevenOffice"),
        *("Username", "Password", "Application id", "Company"),
    ]


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--profile", "Å 'b'"], "a-b would do"),
        (["--like", "shop"], "there is no profile shop"),
        (["--like", "shop1", "--profile", "shop1"], "profile shop1 exists already"),
    ],
)
def test_a_name_that_cannot_be_meant_gets_a_clear_answer(
    box: Sandbox, tmp_path: Path, arguments: list[str], answer: str
) -> None:
    shop_in(tmp_path, box)
    talk = Conversation(tmp_path, *arguments)
    seen = talk.end()
    assert answer in seen
    assert talk.child.exitstatus in {2, 3}


def test_init_needs_a_terminal(shop: Shop) -> None:
    result = shop.run("init")
    assert result.code == 2
    assert "needs a terminal" in result.err
