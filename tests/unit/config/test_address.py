"""Where the state is: a folder, or the address of a server, which holds no password and is verified by TLS."""

from pathlib import Path

import pytest

from klarna24.config.address import Server, hosts, is_on_this_host
from klarna24.config.folders import NOWHERE
from klarna24.config.loading import load, read_contacts
from klarna24.config.values import Secret
from klarna24.errors import ConfigFault
from tests.support.settings import Settings

URL = "postgresql://klarna24@db.example/klarna24"
VALID = [
    URL,
    "postgres://klarna24@db.example:5433/klarna24?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    "postgresql://one.example,two.example:5433/klarna24?target_session_attrs=read-write",
    "postgresql://klarna24@127.0.0.1/klarna24?sslmode=disable",
    "postgresql://klarna24@[::1]:5432/klarna24?sslmode=disable",
    "postgresql://klarna24@localhost/klarna24?sslmode=prefer",
    "postgresql:///klarna24?host=/run/postgresql&sslmode=disable",
    "postgresql://%2Frun%2Fpostgresql/klarna24?sslmode=disable",
    "postgresql:///?dbname=klarna24",
]
PASSWORD = "must not stand in the address"
UNSAFE = "would trust whoever answers"
WRONG = [
    ("/var/lib/klarna24", "not an address of PostgreSQL"),
    ("mysql://klarna24@db.example/klarna24", "not an address of PostgreSQL"),
    ("postgresql://db.example/kl arna", "not an address of PostgreSQL"),
    ("postgresql://[::1/klarna24", "not an address of PostgreSQL"),
    ("postgresql://klarna24@db.example", "names no database"),
    ("postgresql://klarna24@db.example/", "names no database"),
    ("postgresql://klarna24:hunter2@db.example/klarna24", PASSWORD),
    ("postgresql://klarna24:@db.example/klarna24", PASSWORD),
    ("postgresql://db.example/klarna24?user=klarna24&password=hunter2", PASSWORD),
    ("postgresql://db.example/klarna24?sslpassword=hunter2", PASSWORD),
    *((f"{URL}?sslmode={mode}", UNSAFE) for mode in ("disable", "allow", "prefer", "require", "verify-ca", "")),
    ("postgresql://127.0.0.1,db.example/klarna24?sslmode=disable", UNSAFE),
    ("postgresql://localhost/klarna24?hostaddr=192.0.2.1&sslmode=disable", UNSAFE),
    ("postgresql:///klarna24?service=elsewhere&sslmode=disable", UNSAFE),
]


@pytest.mark.parametrize("url", VALID)
def test_an_address_that_is_valid(settings: Settings, url: str) -> None:
    found = settings.load(top={"state": url, "state_dir": "/on/this/host"})
    assert found.state == Server(url, Path("/on/this/host"))


@pytest.mark.parametrize(("url", "why"), WRONG)
def test_an_address_that_is_not_names_no_secret(
    settings: Settings, url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = settings.fault(top={"state": url})
    assert told.startswith("state: ")
    settings.write()
    with pytest.raises(ConfigFault) as by_option:
        load(settings.path, None, url)
    monkeypatch.setenv("KLARNA24_STATE", url)
    with pytest.raises(ConfigFault) as by_variable:
        load(settings.path)
    for text in (told, str(by_option.value), str(by_variable.value)):
        assert why in text
        assert "hunter2" not in text


def test_where_the_variables_of_libpq_lead_elsewhere_a_weak_mode_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = "postgresql:///klarna24?sslmode=disable"
    settings.load(top={"state": local})
    for name, value in (("PGHOST", "db.example"), ("PGHOSTADDR", "192.0.2.1"), ("PGSERVICE", "elsewhere")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert UNSAFE in settings.fault(top={"state": local})
            assert not is_on_this_host(hosts(local))


def test_the_option_wins_over_the_variable_and_the_variable_over_the_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def url(name: str) -> str:
        return f"postgresql://{name}.example/klarna24"

    def loaded(option: str | None = None) -> str:
        found = load(settings.path, None, option).state
        return found.url if isinstance(found, Server) else "a folder"

    settings.write()
    assert loaded() == "a folder"
    settings.write(top={"state": url("file")})
    assert loaded() == url("file")
    monkeypatch.setenv("KLARNA24_STATE", url("variable"))
    assert loaded() == url("variable")
    assert loaded(url("option")) == url("option")
    monkeypatch.setenv("KLARNA24_STATE", "")
    assert loaded() == url("file")


def test_the_password_comes_from_a_source(settings: Settings) -> None:
    found = settings.load(top={"state": URL, "state_password": {"file": "/etc/klarna24/database"}}).state
    assert isinstance(found, Server)
    assert found.password == Secret("file", "/etc/klarna24/database")
    told = settings.fault(top={"state": URL, "state_password": "hunter2"})
    assert told.startswith("state_password: a secret must not be written in this file")
    assert "hunter2" not in told


def test_without_a_home_folder_a_server_suffices(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    settings.write()
    with pytest.raises(ConfigFault, match="no home folder"):
        load(settings.path)
    found = load(settings.path, None, URL)
    assert (found.state, found.state_dir) == (Server(URL, NOWHERE), NOWHERE)


def test_what_a_faulty_file_still_says_of_its_server(settings: Settings) -> None:
    settings.write(
        {"timezone": "Nowhere"}, {"state": URL, "state_password": {"env": "WORD"}, "state_dir": "/local"}
    )
    contacts = read_contacts(settings.path)
    assert contacts
    assert contacts.state == Server(URL, Path("/local"), Secret("env", "WORD"))
    settings.write({"timezone": "Nowhere"}, {"state": "postgresql://a:hunter2@b/c"})
    assert read_contacts(settings.path) is None


def test_what_is_shown_of_an_address_has_no_parameters() -> None:
    assert str(Server(f"{URL}?sslcert=/etc/x", Path())) == URL
