"""profiles.toml edited as text."""

import tomllib
from pathlib import Path

import pytest

from klarna24.cli.setup.profile_file import with_profile, write
from klarna24.errors import ConfigFault


@pytest.mark.parametrize(
    "text",
    ["profiles = {shop1 = {start_date = 2026-01-01}}\n", '[profiles.a]\nx = """\n[profiles.shop1]\n"""\n'],
    ids=["an inline table", "a header in a string"],
)
def test_a_profile_that_cannot_be_replaced_line_by_line_is_refused(text: str) -> None:
    with pytest.raises(ConfigFault, match="line by line"):
        with_profile(text, "shop1", {"start_date": "x"}, {})


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
