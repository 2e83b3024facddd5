"""profiles.toml edited as text."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from klarna24.cli.setup.profile_file import with_profile, write
from klarna24.errors import ConfigFault


def test_an_inline_profile_is_refused_with_what_to_add_by_hand() -> None:
    with pytest.raises(ConfigFault, match="line by line") as caught:
        with_profile("profiles = {shop1 = {start_date = 2026-01-01}}\n", "shop1", {"start_date": "x"}, {})
    assert '[profiles.shop1]\nstart_date = "x"' in caught.value.hint


def test_a_header_in_a_string_is_no_header() -> None:
    text = '[profiles.a]\nx = """\n[profiles.shop1]\n"""\n'
    edited = with_profile(text, "shop1", {"y": 1}, {})
    assert edited == text + "\n[profiles.shop1]\ny = 1\n"


BEFORE = """\
# of the whole file
[profiles.shop1] # the first
  start = 2026-01-01   # moved in May
# how often
frequency = "weekly"
weekday = "friday"
klarna.username = "K1"   # dotted # twice
to = [
    "a",  # the boss
    "b",
]
reversals = { A = 1, other = 2 }  # by type

# the chart of 2025
[ profiles . "shop1" . accounts ]
payout = 1940 # clearing
text = "# no comment"

[profiles.shop1.vat]  # gone
mode = "none"
# about the second
[profiles.shop2]
start = 2026-01-01
"""
AFTER = """\
# of the whole file
[profiles.shop1] # the first
  start = 2026-02-01   # moved in May
# how often
frequency = "daily"
klarna.username = "K2"   # dotted # twice
to = [
    "a",  # the boss
    "b",
]
reversals = { A = 1, other = 3 }  # by type
day = 3

# the chart of 2025
[ profiles . "shop1" . accounts ]
payout = 1940 # clearing
text = "# no comment"
fees = 6064

[profiles.shop1.voucher]
"a b" = ["x", "y"]

# about the second
[profiles.shop2]
start = 2026-01-01
"""


def test_only_the_lines_of_changed_values_change() -> None:
    table = tomllib.loads(BEFORE)["profiles"]["shop1"]
    assert with_profile(BEFORE, "shop1", table, {}) == BEFORE
    table |= {"start": date(2026, 2, 1), "frequency": "daily", "day": 3, "klarna": {"username": "K2"}}
    table |= {"reversals": {"A": 1, "other": 3}, "voucher": {"a b": ["x", "y"]}}
    del table["weekday"], table["vat"]
    table["accounts"]["fees"] = 6064
    edited = with_profile(BEFORE, "shop1", table, {})
    assert edited == AFTER


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_of_any_line_ending_is_edited(end: str) -> None:
    text = f"[profiles.shop1]{end or chr(10)}x = 1 # one{end}"
    edited = with_profile(text, "shop1", {"x": 2, "y": True}, {})
    assert tomllib.loads(edited)["profiles"]["shop1"] == {"x": 2, "y": True}
    assert "x = 2 # one" in edited


def test_a_new_profile_goes_to_the_end_and_top_keys_before_the_first_table() -> None:
    text = "# mine\n\n# about a\n[profiles.a]\nx = 1\n# tail"
    edited = with_profile(text, "b", {"y": {"z": 2}}, {"state_dir": "/s", "notify": {"q": 1}})
    assert tomllib.loads(edited) == {
        "state_dir": "/s",
        "profiles": {"a": {"x": 1}, "b": {"y": {"z": 2}}},
        "notify": {"q": 1},
    }
    places = [edited.index(part) for part in ("# mine", "state_dir", "# about a", "[profiles.a]")]
    assert places == sorted(places)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "profiles.toml"
    write(path, "a = 1\n")
    assert path.read_text() == "a = 1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigFault, match="cannot be written"):
        write(path / "below-a-file", "x")
    assert [item.name for item in path.parent.iterdir()] == ["profiles.toml"]
