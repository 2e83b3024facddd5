"""On which line of profiles.toml a fault is."""

import pytest

from klarna24.config.lines import key_lines, line_of
from klarna24.config.loading import load
from klarna24.errors import ConfigFault
from tests.support.settings import Settings

TEXT = '''\
# a comment with a = sign, and [a.bracket]
state_dir = "x"
["profiles" . 'shop1' ]
start_date = 2026-11-24
note = """
[profiles.shop2]
timezone = 1
"""
klarna.username = "me"
klarna.password = { env = "X" }
[profiles.shop1.voucher]
ledger_accounts = [
  1535, # a comment
  "x",
]
[profiles.shop2.accounts]
charges = { other = 1 }
[[list]]
key = 1
'''


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_key_has_its_line(ending: str) -> None:
    lines = key_lines(TEXT.replace("\n", ending))
    shop1, shop2 = ("profiles", "shop1"), ("profiles", "shop2")
    assert line_of(lines, ("state_dir",)) == 2
    assert line_of(lines, (*shop1, "start_date")) == 4
    assert line_of(lines, (*shop1, "timezone")) == 3, "what is missing is missing in its table"
    assert line_of(lines, (*shop1, "klarna", "username")) == 9
    assert line_of(lines, (*shop1, "klarna", "password", "env")) == 10
    assert line_of(lines, (*shop1, "voucher", "ledger_accounts", 1)) == 12
    assert line_of(lines, shop2) == 16
    assert line_of(lines, (*shop2, "accounts", "charges", "other")) == 17
    assert line_of(lines, ("list", "key")) == 19
    assert line_of(lines, ("elsewhere",)) is None


def test_a_fault_is_told_with_its_line(settings: Settings) -> None:
    text = settings.write({"timezone": "Mars"}, {"report": {"day": 99}}).read_text()
    with pytest.raises(ConfigFault) as caught:
        load(settings.path)
    lines = [line.partition(" =")[0] for line in text.splitlines()]
    told = [problem.message.removeprefix(f"{settings.path}, line ") for problem in caught.value.problems()]
    assert [it.partition(": ")[0] for it in told] == [str(lines.index(key) + 1) for key in ("timezone", "day")]
    assert all(problem.hint == f"edit {settings.path}" for problem in caught.value.problems())
