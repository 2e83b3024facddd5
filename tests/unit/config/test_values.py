"""Secret sources and addresses in profiles.toml."""

from datetime import date

import pytest

from klarna24.config.values import SECRET_SOURCES, Secret
from tests.support.bookkeeping import Json, merged
from tests.support.settings import EMAIL, Settings, nested


@pytest.mark.parametrize("path", ["klarna.password", "24sevenoffice.password", "notify.email.password"])
def test_a_secret_as_text_is_refused_with_the_five_sources_and_never_shown(settings: Settings, path: str) -> None:
    over = merged({"notify": {"email": EMAIL}}, nested(path, None))
    fault = settings.fault(merged(over, nested(path, "hemligt")))
    assert fault.startswith(f"profiles.shop1.{path}: a secret must not be written in this file: ")
    assert all(f"{{ {source} = " in fault for source in SECRET_SOURCES)
    assert "hemligt" not in fault


@pytest.mark.parametrize(
    ("raw", "secret"),
    [
        ({"env": "SHOP1"}, Secret("env", "SHOP1")),
        ({"file": "/etc/klarna24/shop1"}, Secret("file", "/etc/klarna24/shop1")),
        ({"command": ["pass", "show", "a b"]}, Secret("command", ("pass", "show", "a b"))),
        ({"command": ["sh", "-c", "a\nb", ""]}, Secret("command", ("sh", "-c", "a\nb", ""))),
        ({"systemd": "shop1"}, Secret("systemd", "shop1")),
        ({"keyring": True}, Secret("keyring")),
    ],
)
def test_the_five_sources_of_a_secret(settings: Settings, raw: Json, secret: Secret) -> None:
    assert settings.profile({"klarna": {"password": {"env": None, **raw}}}).klarna.password == secret


@pytest.mark.parametrize(
    "raw",
    [
        *({}, [], 5, True, [{"env": "X"}], date(2026, 11, 24)),
        *({"evn": "X"}, {"ENV": "X"}, {"env": "X", "file": "/x"}, {"keyring": True, "env": "X"}),
        *({"env": ""}, {"env": "  "}, {"env": 5}, {"env": True}, {"env": ["X"]}, {"env": "X\0"}),
        *({"file": ""}, {"file": True}, {"file": ["/x"]}, {"file": "/x\0"}),
        *({"command": "pass show x"}, {"command": []}, {"command": ""}, {"command": [""]}, {"command": ["a", 5]}),
        *({"command": ["a", True]}, {"command": [["a"]]}, {"command": ["a", "b\0"]}, {"command": {"a": "b"}}),
        *({"systemd": ""}, {"systemd": True}, {"systemd": "../x"}, {"systemd": "/etc/passwd"}, {"systemd": "x\0"}),
        *({"keyring": False}, {"keyring": "true"}, {"keyring": 1}, {"keyring": {}}, {"keyring": "shop1"}),
    ],
    ids=str,
)
def test_a_source_that_is_not_valid(settings: Settings, raw: object) -> None:
    over = {"24sevenoffice": {"password": raw if not isinstance(raw, dict) else {"env": None, **raw}}}
    assert settings.fault(over).startswith("profiles.shop1.24sevenoffice.password: ")


@pytest.mark.parametrize("table", ["klarna", "24sevenoffice"])
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://api.kustom.co", "http would send the password unencrypted"),
        *(
            (address, "use https")
            for address in (
                *("HTTP://api.kustom.co", "http://127.0.0.1.example.com", "http://localhost.example.com:80"),
                *("http://10.0.0.1", "http://[2001:db8::1]", "http://2130706433"),
            )
        ),
        ("https://127.0.0.1@example.com", "no user"),
        ("https://user:word@example.com", "no user"),
        ("https://example.com/settlements", "no path"),
        ("https://example.com?a=b", "no query"),
        ("https://example.com#a", "no query"),
        *(
            (address, "nothing else")
            for address in (
                *("https://example.com?", "https://example.com#", " https://example.com", "https://exa mple.com"),
                *("https://exam\tple.com", "https://example.com\\x"),
            )
        ),
        ("https://example.com:65536", "not an address"),
        ("https://example.com:port", "not an address"),
        ("https://[::1", "not an address"),
        *(
            (address, "scheme and host")
            for address in (
                *("https://example.com:0", "https://", "example.com", "ftp://example.com", "file:///etc/passwd"),
                "",
            )
        ),
        (5, "as text"),
        (True, "as text"),
    ],
)
def test_an_address_that_is_refused(settings: Settings, table: str, address: object, reason: str) -> None:
    fault = settings.fault({table: {"base_url": address}})
    assert fault.startswith(f"profiles.shop1.{table}.base_url: ")
    assert reason in fault
    assert "word" not in fault.replace("password", "")


@pytest.mark.parametrize(
    "address",
    [
        *("https://api.kustom.co", "https://example.com:8443", "https://räksmörgås.se", "https://10.0.0.1"),
        *("http://127.0.0.1:8024", "http://127.9.9.9", "http://localhost:1", "http://LOCALHOST"),
        "http://[::1]:8024",
    ],
)
def test_an_address_that_is_accepted(settings: Settings, address: str) -> None:
    profile = settings.profile({"klarna": {"base_url": address + "/"}, "24sevenoffice": {"base_url": address}})
    assert profile.klarna.url == address
    assert profile.twentyfour.base_url == address


@pytest.mark.parametrize(
    "url",
    [
        *("https://hc-ping.com/3f0c", "https://hc.example.com:8443/ping/key/my-shop/"),
        *(f"http://{host}:8000/ping/3f0c" for host in ("127.0.0.1", "[::1]", "localhost")),
    ],
)
def test_a_heartbeat_is_an_address_with_a_path(settings: Settings, url: str) -> None:
    heartbeat = settings.profile({"notify": {"heartbeat": {"url": url}}}).notify.heartbeat
    assert heartbeat
    assert heartbeat.url == url.rstrip("/")
