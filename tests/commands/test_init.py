"""klarna24 init on a real terminal, against the sandbox."""

import os
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from klarna24.cli import main as cli
from klarna24.sandbox.server import Sandbox
from tests.support.processes import ESCAPES, terminal
from tests.support.shops import OpenShop, Shop

Answers = list[tuple[str, str]]


class Conversation:
    """A terminal in which init runs; ``seen`` is everything that it has shown."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.child = terminal(folder / "profiles.toml", "init", *arguments, HOME=str(folder / "home"))
        self.child.delaybeforesend = None  # each question is awaited before its answer
        self.seen = ""

    def answer(self, answers: Iterable[tuple[str, str]]) -> None:
        """Type each answer to its question, which is a regular expression."""
        for question, answer in answers:
            self.child.expect(question)
            self.seen += f"{self.child.before}{self.child.after}"
            if question.startswith(("API password", "Password")):
                self.child.expect(": ")  # getpass discards what is typed before the end of its question
            self.child.sendline(answer)

    def end(self) -> str:
        """Everything that was shown, once the program has ended."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        self.seen += str(self.child.before)
        return ESCAPES.sub("", self.seen)


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


CONNECTIONS, LUMP, LAST = slice(15), slice(15, 27), slice(27, None)
"""The parts of the conversation about a lump profile."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """With the sandbox's own payouts."""
    with Sandbox() as sandbox:
        yield sandbox


def run(folder: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = cli.run(["--config", str(folder / "profiles.toml"), *arguments])
    return code, capsys.readouterr().out


def test_a_lump_profile_on_plain_accounts(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(tmp_path)
    talk.answer(conversation("lump", box, tmp_path / "state"))
    seen = talk.end()
    assert "✓ logged in to Exempelbutiken AB" in seen
    assert "klarna24 check --profile shop1 --as-cron" in seen
    assert box.klarna.password not in seen
    assert box.office.password not in seen
    text = (tmp_path / "profiles.toml").read_text()
    assert box.klarna.password not in text
    assert (tmp_path / "profiles.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets" / "shop1.klarna").stat().st_mode & 0o777 == 0o600
    written = tomllib.loads(text)
    profile = written["profiles"]["shop1"]
    assert written["state_dir"] == str(tmp_path / "state")
    keys = ("payout", "receivable", "fees", "fees_vat", "commission", "holdback", "debt")
    suggested = (1940, 1580, 6064, 2641, 3921, 1689, 2899)
    assert profile["accounts"] == dict(zip(keys, suggested, strict=True))
    assert profile["24sevenoffice"]["client_id"] == box.office.home.client_id
    assert profile["voucher"] == {"type": "Diverse"}
    assert (profile["language"], profile["expect_payout_within_days"]) == ("en", 14)
    assert "references" not in profile
    code, out = run(tmp_path, "dry-run", "--profile", "shop1", capsys=capsys)
    assert code == 7, "two of the payouts are meant to be blocked"
    assert "Total    Diverse" in out
    assert not (tmp_path / "state").exists(), "init and dry-run create no state"


def test_an_itemised_profile_on_a_ledger_account_with_references_and_a_department(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(tmp_path, "--profile", "butik")
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer([*answers[CONNECTIONS], *conversation("itemised"), *answers[LAST]])
    talk.end()
    profile = tomllib.loads((tmp_path / "profiles.toml").read_text())["profiles"]["butik"]
    references = {"order_id": "comment", "short_order_id": "ocr", "merchant_reference1": "invoice_no"}
    assert profile["references"] == references
    assert profile["voucher"] == {"type": "Diverse", "customer_id": 1001, "department_id": 10}
    code, out = run(tmp_path, "dry-run", "--profile", "butik", "--json", capsys=capsys)
    assert code == 7
    assert '"customer_id": 1001' in out
    assert '"department_id": 10' in out


def test_an_order_id_in_the_ocr_field_is_advised_against_and_can_be_taken_back(
    box: Sandbox, tmp_path: Path
) -> None:
    talk = Conversation(tmp_path)
    answers = conversation("lump", box, tmp_path / "state")
    itemised = conversation("itemised")
    until = next(place for place, (question, _) in enumerate(itemised) if "Order ID" in question)
    talk.answer([*answers[CONNECTIONS], *itemised[:until], (itemised[until][0], "ocr")])
    talk.answer([("36 characters.*the short order ID fits", ""), (r"Which \[none\]", "<")])
    talk.answer([("Department", "")])
    talk.child.sendintr()
    assert "Traceback" not in talk.end()


def test_a_wrong_password_is_reported_at_once_and_asked_for_again(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    talk.answer([*conversation("lump", box)[:5], ("API password", "wrong")])
    talk.answer([("refused the credentials", ""), ("API password", box.klarna.password)])
    talk.answer([("Address", ""), ("Username", box.office.username), ("Password", "wrong")])
    talk.answer([("Application id", box.office.application_id), ("knows no company", "")])
    talk.answer([("Password", box.office.password), ("Application id", "")])
    talk.child.expect(r"may act for 2 companies.*Company \(")
    talk.child.sendintr()
    assert "Traceback" not in talk.end()


def test_ctrl_c_at_whichever_question_writes_nothing(box: Sandbox, tmp_path: Path) -> None:
    answers = conversation("lump", box, tmp_path / "state")
    for asked in range(0, len(answers), 2 if os.environ.get("CI") else 3):
        folder = tmp_path / f"at-{asked}"
        (folder / "home").mkdir(parents=True)
        talk = Conversation(folder)
        talk.answer(answers[:asked])
        talk.child.expect(answers[asked][0])
        talk.child.sendintr()
        assert "Traceback" not in talk.end()
        assert talk.child.exitstatus == 130, answers[asked]
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "state").exists()


def test_an_answer_can_be_taken_back(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    answers = conversation("lump", box, tmp_path / "state")
    talk.answer(answers[CONNECTIONS])
    talk.answer([(r"Which \[lump\]", "itemised"), (r"  payout \(number", "<"), (r"Which \[itemised\]", "lump")])
    talk.answer([*answers[LUMP][1:], *answers[LAST]])
    talk.end()
    assert tomllib.loads((tmp_path / "profiles.toml").read_text())["profiles"]["shop1"]["transfer"] == "lump"


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


def test_an_existing_profile_is_edited_and_the_rest_of_the_file_stays_as_it_is(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    shop: Shop = open_shop()
    shop.write(None, shop2={"klarna": {"username": "K2"}})
    whole = shop.config.read_text()
    start = whole.index("[profiles.shop2]")
    first, second = whole[whole.index("[profiles.shop1]") : start], whole[start:]
    before = COMMENTED.format(first=first.strip(), second=second.strip() + "\n")
    shop.config.write_text(before)
    talk = Conversation(shop.folder, "--profile", "shop1")
    talk.answer(conversation("edit"))
    seen = talk.end()
    after = shop.config.read_text()
    assert "by detailed type, left as it is" in seen
    head, tail = before.split(first.strip())
    assert after.startswith(head)
    assert after.endswith(tail)
    new, old = tomllib.loads(after), tomllib.loads(before)
    assert new["profiles"]["shop2"] == old["profiles"]["shop2"]
    changed = new["profiles"]["shop1"]
    assert changed["accounts"] == {**old["profiles"]["shop1"]["accounts"], "fees": 6570}
    assert (changed["frequency"], changed["weekday"]) == ("weekly", "friday")
    assert (changed["language"], "expect_payout_within_days" in changed) == ("sv", False)
    assert changed["klarna"] == {**old["profiles"]["shop1"]["klarna"], "environment": "live"}
    assert changed["start_date"] == old["profiles"]["shop1"]["start_date"]


def test_init_needs_a_terminal(shop: Shop) -> None:
    result = shop.run("init")
    assert result.code == 2
    assert "needs a terminal" in result.err
