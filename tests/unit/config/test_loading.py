"""profiles.toml as a file: where it is, who may write it, and what happens when it cannot be used."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from klarna24.config.folders import default_path
from klarna24.config.loading import load, read_contacts
from klarna24.errors import ConfigFault
from tests.support.settings import EMAIL, Settings
from tests.support.shops import OpenShop, Shop

# The file itself


@pytest.mark.parametrize("text", ["", "# nothing\n", "[profiles]\n", "profiles = {}\n"])
def test_a_file_without_a_profile(settings: Settings, text: str) -> None:
    with pytest.raises(ConfigFault) as caught:
        load(settings.text(text))
    (problem,) = caught.value.problems()
    assert "profiles: there is no profile: add [profiles.NAME]" in problem.message


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o646, 0o777])
def test_a_file_that_others_can_write_is_refused_because_it_contains_commands(
    settings: Settings, mode: int
) -> None:
    settings.write().chmod(mode)
    with pytest.raises(ConfigFault, match="others can write this file") as caught:
        load(settings.path)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o644])
def test_others_may_read_the_file_because_it_contains_no_secret(settings: Settings, mode: int) -> None:
    settings.write().chmod(mode)
    assert load(settings.path)


def test_another_users_file_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write()
    if os.geteuid() == 0:
        os.chown(settings.path, 12345, -1)
    else:
        monkeypatch.setattr("klarna24.config.loading.os.geteuid", lambda: 12345)
    with pytest.raises(ConfigFault, match="others can write this file"):
        load(settings.path)


@pytest.mark.parametrize(
    "text",
    [
        b"[profiles",
        b"[profiles.a]\n[profiles.a]\n",
        b"start_date = 2026-13-45\n",
        b"a = yes\n",
        b"a = 0123\n",
        b"a = '\0'",
        b"\x7fELF\x02\x01\x01\0\0\0",
        b"a = " + b"9" * 5000,
        b"a = " + b"[" * 5000,
        b"a = " + b"{a=" * 5000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_file_that_is_not_toml_is_one_fault(settings: Settings, text: bytes) -> None:
    with pytest.raises(ConfigFault, match="not valid TOML") as caught:
        load(settings.text(text))
    assert str(caught.value).startswith(f"{settings.path}: ")
    assert caught.value.hint == f"edit {settings.path}"


def test_a_byte_order_mark_before_the_file_is_harmless(settings: Settings) -> None:
    """Windows' Notepad writes it."""
    text = settings.write(top={"notify": {"email": EMAIL}}).read_bytes()
    assert load(settings.text(b"\xef\xbb\xbf" + text)).profiles
    assert read_contacts(settings.path)
    assert load(settings.text(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))).profiles


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = 1\nb = 'å'".encode("latin-1"), ", line 2: it is not saved as UTF-8"),
        ("a = 'å'".encode("utf-16"), ": it is saved as UTF-16: save it as UTF-8"),
        (b"\xfe\xff" + "a = 1".encode("utf-16-be"), ": it is saved as UTF-16: save it as UTF-8"),
    ],
)
def test_a_file_that_is_not_utf_8_says_so_in_one_line(settings: Settings, text: bytes, why: str) -> None:
    with pytest.raises(ConfigFault) as caught:
        load(settings.text(text))
    assert [problem.message for problem in caught.value.problems()] == [f"{settings.path}{why}"]
    assert read_contacts(settings.path) is None


def test_a_file_that_is_missing_or_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="no such file") as caught:
        load(tmp_path / "nowhere" / "profiles.toml")
    assert "klarna24 init" in caught.value.hint
    with pytest.raises(ConfigFault, match="cannot be read"):
        load(tmp_path)
    settings.write().chmod(0o200)
    if os.geteuid() != 0:  # root can read everything
        with pytest.raises(ConfigFault, match="cannot be read: Permission denied"):
            load(settings.path)


# Where the file and the state are


def test_the_option_outranks_the_variable_and_the_users_folder(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write()
    usual = default_path()
    assert home in usual.parents
    usual.parent.mkdir(parents=True)
    usual.write_bytes(settings.path.read_bytes())
    usual.chmod(0o600)
    assert load().path == usual
    named = settings.path.rename(settings.path.parent / "named.toml")
    monkeypatch.setenv("KLARNA24_CONFIG", str(named))
    assert load().path == named
    assert load(usual).path == usual
    monkeypatch.setenv("KLARNA24_CONFIG", "")
    assert load().path == usual


def test_the_state_is_where_the_option_the_variable_the_file_or_the_platform_puts_it(
    settings: Settings, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    without, within = settings.write().read_text(), settings.write(top={"state_dir": "/in/file"}).read_text()
    platform = load(settings.text(without)).state_dir
    assert home in platform.parents
    assert load(settings.text(within)).state_dir == Path("/in/file")
    monkeypatch.setenv("KLARNA24_STATE_DIR", "/in/variable")
    assert load(settings.path).state_dir == Path("/in/variable")
    assert load(settings.path, Path("/in/option")).state_dir == Path("/in/option")
    assert load(settings.text(without), Path("option")).state_dir == tmp_path / "option"
    monkeypatch.setenv("KLARNA24_STATE_DIR", "")
    assert load(settings.path).state_dir == platform


def test_a_relative_state_dir_is_relative_to_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings.write(top={"state_dir": "state"})
    monkeypatch.chdir(elsewhere)
    assert load(settings.path).state_dir == tmp_path / "state"
    assert load(Path("../profiles.toml")).state_dir.resolve() == tmp_path / "state"


def test_a_tilde_is_the_home_folder(settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write(top={"state_dir": "~/state"}).rename(home / "my.toml")
    monkeypatch.setenv("KLARNA24_CONFIG", "~/my.toml")
    config = load()
    assert (config.path, config.state_dir) == (home / "my.toml", home / "state")
    monkeypatch.setenv("KLARNA24_STATE_DIR", "~/other")
    assert load().state_dir == home / "other"
    assert load(None, Path("~/third")).state_dir == home / "third"


@pytest.mark.parametrize("where", ["file", "variable", "path"])
def test_the_home_folder_of_a_user_who_does_not_exist_is_a_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    settings.write(top={"state_dir": "~no-such-user/state"} if where == "file" else None)
    if where == "variable":
        monkeypatch.setenv("KLARNA24_STATE_DIR", "~no-such-user/state")
    with pytest.raises(ConfigFault, match="no such home folder"):
        load(Path("~no-such-user/profiles.toml") if where == "path" else settings.path)


def test_a_profile_by_its_name(settings: Settings) -> None:
    config = settings.load()
    with pytest.raises(ConfigFault, match=r"no profile 'shp1'; did you mean shop1\?"):
        config.profile("shp1")
    with pytest.raises(ConfigFault, match="no profile 'zzz'") as caught:
        config.profile("zzz")
    assert "did you mean" not in caught.value.message
    assert "shop1" in caught.value.hint


# The contacts in a file with faults


def test_a_file_with_faults_still_names_its_contacts(settings: Settings, tmp_path: Path) -> None:
    top = {"notify": {"email": EMAIL}, "state_dir": str(tmp_path / "state"), "report": {"day": 0}}
    with pytest.raises(ConfigFault):
        settings.load({"timezone": "Nowhere"}, top)
    contacts = read_contacts(settings.path)
    assert contacts
    assert contacts.notify.email
    assert (contacts.notify.email.host, contacts.state) == ("smtp.example.com", tmp_path / "state")


@pytest.mark.parametrize(
    "text", ["", "not toml", '[notify.email]\nhost = "x"', "[notify]\nemail = 5", 'notify = "me"', "state_dir = 5"]
)
def test_a_file_without_valid_contacts_names_none(settings: Settings, text: str) -> None:
    contacts = read_contacts(settings.text(text))
    assert contacts is None or (contacts.notify.email, contacts.notify.heartbeat) == (None, None)


def test_the_contacts_in_a_file_that_others_can_write_are_not_trusted(settings: Settings) -> None:
    path = settings.text("[notify.email]\nhost = 'x'\nfrom = 'a@b'\nto = ['c@d']")
    assert read_contacts(path)
    path.chmod(0o666)
    assert read_contacts(path) is None


# Through the command line


@pytest.fixture
def quiet_shop(open_shop: OpenShop) -> Iterator[Shop]:
    """A shop without payouts. Whatever a test does, nothing may be requested, sent or written."""
    shop = open_shop(payouts=[])
    yield shop
    assert not shop.box.requests
    assert not shop.state.exists()


def assert_refused(shop: Shop, *lines: str) -> None:
    """dry-run and sync, with and without --json, end with 3 and just these lines, as far as given."""
    for command in ("dry-run", "sync"):
        plain = shop.run(command, "--all")
        assert (plain.code, plain.out) == (3, "")
        assert len(plain.lines()) == len(lines), plain.err
        for got, expected in zip(plain.lines(), lines, strict=True):
            assert expected in got
            assert " → " in got, "every problem names the next step"
        document = shop.run(command, "--all", "--json").json
        assert document["exit_code"] == 3
        problems = [*document["problems"], *(it for one in document["profiles"] for it in one["problems"])]
        assert len(problems) == len(lines)
        for problem, expected in zip(problems, lines, strict=True):
            assert expected in problem["message"]
            assert problem["code"] == "config"
            assert problem["hint"]
            assert problem["payment_reference"] is None


def test_every_fault_is_a_line_and_a_problem_and_nothing_is_done(quiet_shop: Shop) -> None:
    quiet_shop.write({"start_date": 5, "klarna": {"regoin": "europe"}}, twin={"accounts": {"payout": None}})
    assert_refused(
        quiet_shop,
        "profiles.shop1.start_date: not a date",
        "profiles.shop1.klarna.regoin: unknown key; did you mean region?",
        "profiles.twin.accounts.payout: missing",
    )


def test_a_secret_as_text_is_never_printed(quiet_shop: Shop) -> None:
    quiet_shop.write({"klarna": {"password": "hemligt"}})
    assert_refused(quiet_shop, "profiles.shop1.klarna.password: a secret must not be written in this file")
    for arguments in (["--all"], ["--all", "--json"]):
        result = quiet_shop.run("sync", *arguments)
        assert "hemligt" not in result.out + result.err


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("[profiles"),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text(""),
        lambda path: path.write_text("a = " + "9" * 5000),
        lambda path: path.write_text("a = " + "[" * 5000),
        lambda path: path.chmod(0o666),
        lambda path: path.unlink(),
        lambda path: path.write_text('state_dir = "~no-such-user/x"\n' + path.read_text().partition("\n")[2]),
    ],
    ids=["broken", "non-utf-8", "empty", "digits", "brackets", "writable", "missing", "no such home"],
)
def test_a_file_that_cannot_be_used_is_one_line(quiet_shop: Shop, spoil: Callable[[Path], object]) -> None:
    spoil(quiet_shop.config)
    assert_refused(quiet_shop, "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shp1", "no profile 'shp1'; did you mean shop1? → profiles in this file: shop1"),
        ("SHOP1", "no profile 'SHOP1'"),
        ("../shop1", "no profile '../shop1'"),
        ("a\x1b[31m\nb", "no profile 'a[31mb'"),
    ],
)
def test_an_unknown_profile(quiet_shop: Shop, name: str, expected: str) -> None:
    result = quiet_shop.run("sync", "--profile", name)
    assert result.code == 3
    (line,) = result.lines()
    assert expected in line
    document = quiet_shop.run("sync", "--profile", name, "--json").json
    assert [problem["code"] for problem in document["problems"]] == ["config"]


def test_options_outrank_variables_on_the_command_line(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config outranks KLARNA24_CONFIG, and --state-dir outranks KLARNA24_STATE_DIR, which outranks the file."""
    shop = open_shop(payouts=[])
    monkeypatch.setenv("KLARNA24_CONFIG", str(tmp_path))  # a folder, which cannot be read
    monkeypatch.setenv("KLARNA24_STATE_DIR", str(tmp_path / "variable"))
    assert shop.run("--state-dir", str(tmp_path / "option"), "sync", "--all").code == 0
    assert (tmp_path / "option").is_dir()
    assert not (tmp_path / "variable").exists()
    assert shop.sync().code == 0
    assert (tmp_path / "variable").is_dir()
    assert not shop.state.exists()
    monkeypatch.delenv("KLARNA24_STATE_DIR")
    assert shop.sync().code == 0
    assert shop.state.is_dir()


@pytest.mark.parametrize("which", ["its own", "above", "of a link's target"])
def test_a_folder_in_which_all_can_replace_the_file_is_refused(tmp_path: Path, which: str) -> None:
    folder = tmp_path / "open" / "inner"
    folder.mkdir(parents=True)
    opened = folder.parent if which == "above" else folder
    opened.chmod(0o777)
    path = Settings(folder).write()
    if which == "of a link's target":
        (tmp_path / "link.toml").symlink_to(path)
        path = tmp_path / "link.toml"
    with pytest.raises(ConfigFault, match="others can replace this file") as caught:
        load(path)
    assert caught.value.hint == f"chmod o-w {opened}"
    opened.chmod(0o1777)  # sticky, as /tmp is
    assert load(path).profiles
