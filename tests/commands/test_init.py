"""klarna24 init on a real terminal (pexpect), against the sandbox."""

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from klarna24.cli import main as cli
from klarna24.cli.setup import profile_file
from klarna24.cli.setup import suggestions as usual
from klarna24.errors import ConfigFault
from klarna24.sandbox.server import Sandbox
from tests.support import ROOT
from tests.support.shops import OpenShop, Shop

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
Answers = list[tuple[str, str]]


class Conversation:
    """A terminal in which init runs; ``seen`` is all that stood on it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "klarna24", "--config", str(folder / "profiles.toml"), "init", *arguments],
            cwd=str(ROOT),
            env={**os.environ, "HOME": str(folder / "home"), "TERM": "xterm"},
            encoding="utf-8",
            dimensions=(60, 80),
            timeout=15,
        )
        self.child.delaybeforesend = None  # nothing races here: each question is awaited
        self.seen = ""

    def sentence(self, answers: Iterable[tuple[str, str]]) -> None:
        for question, answer in answers:
            self.child.expect(question)
            self.seen += f"{self.child.before}{self.child.after}"
            if question.startswith(("API password", "Password")):
                # getpass throws away what was typed before it wrote the last blank of the question
                self.child.expect(": ")
            self.child.sendline(answer)

    def interrupt(self) -> None:
        """Ctrl-C, and again where readline has missed one that came just before it began to wait."""
        for _ in range(5):
            self.child.sendintr()
            if self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2) == 0:
                self.seen += str(self.child.before)
                return

    def end(self) -> str:
        self.child.expect(pexpect.EOF)
        self.child.close()
        self.seen += str(self.child.before)
        return ESCAPES.sub("", self.seen)


def ends(box: Sandbox, klarna_password: str | None = None) -> Answers:
    """Name, Klarna, 24SevenOffice, company, start."""
    return [
        ("Name of the web shop", ""),
        (r"Which \[europe\]", "other"),
        ("Address", box.url),
        (r"Which \[live\]", ""),
        ("API username", box.klarna.username),
        ("API password", klarna_password or box.klarna.password),
        ("Address", ""),
        ("Username", box.office.username),
        ("Password", box.office.password),
        ("Application id", box.office.application_id),
        (r"Company \(number", "exempel"),
        (r"Exempelbutiken AB\?", ""),
        ("Time zone", ""),
        ("Start date", "2026-01-01"),
        (r"Which \[sv\]", "en"),
    ]


def accounts(*answers: str) -> Answers:
    keys = ("payout", "receivable", "fees", "fees_vat", "commission", "holdback", "debt", "charges", "credits")
    given = dict(zip(keys, answers, strict=False))
    return [(rf"  {key} \(number[^\]]*\]: ", given.get(key, "")) for key in keys]


def last(state: Path) -> Answers:
    return [
        (r"Which \[daily\]", ""),
        ("Send e-mail", ""),
        ("Days without a payout", "14"),
        ("State folder", str(state)),
        (r"Which \[file\]", ""),
        (r"Save profile", "y"),
    ]


LUMP: Answers = [(r"Which \[lump\]", ""), *accounts(), ("Voucher type", ""), ("Department", "")]


@pytest.fixture
def box() -> Any:
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
    talk.sentence([*ends(box), *LUMP, *last(tmp_path / "state")])
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
    assert profile["accounts"] == {
        "payout": 1930,
        "receivable": 1580,
        "fees": 6064,
        "fees_vat": 2641,
        "commission": 3590,
        "holdback": 1689,
        "debt": 2899,
        "charges": 6990,
        "credits": 3990,
    }
    assert profile["24sevenoffice"]["client_id"] == box.office.home.client_id
    assert profile["voucher"] == {"type": "Diverse"}
    assert (profile["language"], profile["expect_payout_within_days"]) == ("en", 14)
    assert "references" not in profile
    code, out = run(tmp_path, "dry-run", "--profile", "shop1", capsys=capsys)
    assert code == 7, "two seeded payouts are there to be blocked"
    assert "Total    Diverse" in out
    assert not (tmp_path / "state").exists(), "init and dry-run make no state"


def test_an_itemised_profile_on_a_ledger_account_with_references_and_a_department(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(tmp_path, "--profile", "butik")
    talk.sentence(
        [*ends(box), (r"Which \[lump\]", "2"), (r"  payout \(number", "företagskonto"), (r"1930 .*\?", "")]
    )
    talk.sentence(accounts("", "1510")[1:])
    talk.sentence(
        [
            ("Klarna as customer", "klarna"),
            ("Which customer", "1001"),
            ("Voucher type", "div"),
            (r"9 Diverse\?", ""),
            ("Department", "10"),
            (r"(?s)Order ID goes to.*?Which \[none\]", "comment"),
            (r"(?s)Merchant reference 1 goes to(?!.*the comment).*?Which \[none\]", "1"),
            (r"Which \[none\]", "ocr"),
            *last(tmp_path / "state"),
        ]
    )
    talk.end()
    profile = tomllib.loads((tmp_path / "profiles.toml").read_text())["profiles"]["butik"]
    assert profile["references"] == {
        "order_id": "comment",
        "merchant_reference1": "invoice_no",
        "merchant_reference2": "ocr",
    }
    assert profile["voucher"] == {"type": "Diverse", "customer_id": 1001, "department_id": 10}
    code, out = run(tmp_path, "dry-run", "--profile", "butik", "--json", capsys=capsys)
    assert code == 7
    assert '"customer_id": 1001' in out
    assert '"department_id": 10' in out


def test_a_wrong_password_is_told_at_once_and_asked_again(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    talk.sentence(ends(box, klarna_password="wrong")[:6])
    talk.sentence([("refused the credentials", ""), ("API password", box.klarna.password)])
    talk.sentence([("Address", ""), ("Username", box.office.username), ("Password", "wrong")])
    talk.sentence([("Application id", box.office.application_id), ("knows no company", "")])
    talk.sentence([("Password", box.office.password), ("Application id", ""), ("may act for 2 companies", "")])
    talk.interrupt()
    assert "Traceback" not in talk.end()


def test_ctrl_c_at_whichever_question_writes_nothing(box: Sandbox, tmp_path: Path) -> None:
    answers = [*ends(box), *LUMP, *last(tmp_path / "state")]
    for asked in range(0, len(answers), 2 if os.environ.get("CI") else 3):
        folder = tmp_path / f"at-{asked}"
        (folder / "home").mkdir(parents=True)
        talk = Conversation(folder)
        talk.sentence(answers[:asked])
        talk.child.expect(answers[asked][0])
        talk.interrupt()
        assert "Traceback" not in talk.end()
        assert talk.child.exitstatus == 130, answers[asked]
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "state").exists()


def test_an_answer_can_be_taken_back(box: Sandbox, tmp_path: Path) -> None:
    talk = Conversation(tmp_path)
    talk.sentence(ends(box))
    talk.sentence([(r"Which \[lump\]", "itemised"), (r"  payout \(number", "<"), (r"Which \[itemised\]", "lump")])
    talk.sentence(LUMP[1:])
    talk.sentence(last(tmp_path / "state"))
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
    shop.write(None, shop2={})
    whole = shop.config.read_text()
    start = whole.index("[profiles.shop2]")
    first, second = whole[whole.index("[profiles.shop1]") : start], whole[start:]
    before = COMMENTED.format(first=first.strip(), second=second.strip() + "\n")
    shop.config.write_text(before)
    talk = Conversation(shop.folder, "--profile", "shop1")
    talk.sentence(
        [
            ("Name of the web shop", ""),
            (r"Which \[other\]", ""),
            ("Address", ""),
            (r"Which \[live\]", ""),
            ("API username", ""),
            ("API password .Enter keeps", ""),
            ("Address", ""),
            ("Username", ""),
            ("Password .Enter keeps", ""),
            ("Application id", ""),
            (r"Company \(number", ""),
            ("Time zone", ""),
            ("Start date", ""),
            (r"Which \[sv\]", ""),
            (r"Which \[lump\]", ""),
            *accounts("", "", "6570")[:7],
            ("Voucher type", ""),
            ("Department", ""),
            (r"Which \[daily\]", "weekly"),
            (r"Which \[monday\]", "friday"),
            (r"Days without a payout .* \[-\]", ""),
            ("Save profile", ""),
        ]
    )
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


def test_without_a_terminal_init_says_so(shop: Shop) -> None:
    result = shop.run("init")
    assert result.code == 2
    assert "needs a terminal" in result.err


# The file as text


def test_a_profile_that_cannot_be_replaced_line_by_line_is_left_alone() -> None:
    inline = "profiles = {shop1 = {start_date = 2026-01-01}}\n"
    with pytest.raises(ConfigFault, match="line by line"):
        profile_file.with_profile(inline, "shop1", {"start_date": "x"}, {})
    brackets = '[profiles.a]\nx = """\n[profiles.shop1]\n"""\n'
    with pytest.raises(ConfigFault, match="line by line"):
        profile_file.with_profile(brackets, "shop1", {"y": 1}, {})


def test_a_new_profile_goes_to_the_end_and_top_keys_before_the_first_table() -> None:
    text = "# mine\n\n# about a\n[profiles.a]\nx = 1\n# tail"
    edited = profile_file.with_profile(text, "b", {"y": {"z": 2}}, {"state_dir": "/s", "notify": {"q": 1}})
    assert tomllib.loads(edited) == {
        "state_dir": "/s",
        "profiles": {"a": {"x": 1}, "b": {"y": {"z": 2}}},
        "notify": {"q": 1},
    }
    assert (
        edited.index("# mine")
        < edited.index("state_dir")
        < edited.index("# about a")
        < edited.index("[profiles.a]")
    )


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "profiles.toml"
    profile_file.write(path, "a = 1\n")
    assert path.read_text() == "a = 1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigFault, match="cannot be written"):
        profile_file.write(path / "below-a-file", "x")
    assert [item.name for item in path.parent.iterdir()] == ["profiles.toml"]


def test_only_accounts_that_exist_are_suggested() -> None:
    assert usual.suggestion("SE", "fees", {6570: "Bankkostnader"}) == 6570
    assert usual.suggestion("SE", "fees", {1930: "Bank"}) is None
    assert usual.suggestion("NO", "payout", {1920: "Bankinnskudd"}) == 1920
    assert usual.suggestion("", "payout", {1930: "Bank"}) is None
    assert usual.country_code("Sverige", "SEK") == usual.country_code("", "SEK") == "SE"
    assert usual.country_code("Finland", "EUR") == ""
