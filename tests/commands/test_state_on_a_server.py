"""The commands with the state on a PostgreSQL server."""

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.address import Server
from klarna24.state.store import State
from tests.support import ROOT
from tests.support.postgres import Base
from tests.support.shops import OpenShop, Shop, simple


@pytest.fixture
def served(open_shop: OpenShop, base: Base) -> Shop:
    """A shop with two payouts, whose state is on a server."""
    shop = open_shop(payouts=[simple("FIRST", 2), simple("SECOND", 1)])
    shop.use_server(base)
    return shop


def test_a_run_and_what_is_asked_after_it(served: Shop) -> None:
    result = served.sync("--json")
    assert result.code == 0, result.err
    assert [name.split()[1] for name in served.drafts()] == ["FIRST", "SECOND"]
    assert served.stored() == {"FIRST": "drafted", "SECOND": "drafted"}
    assert served.sync().code == 0
    assert served.sync("--now").code == 0
    assert len(served.drafts()) == 2
    (status,) = served.run("status", "--json").json["profiles"]
    assert status["counts"] == {"drafted": 2}
    assert [it["what"] for it in served.run("log", "--json").json["events"]].count("drafted") == 2
    assert {it["status"] for it in served.run("list", "--json").json["payouts"]} == {"drafted"}
    assert not (served.state / "klarna24.sqlite").exists()
    assert {path.name for path in served.state.iterdir()} == {"klarna24.state", "sessions"}


def test_the_check_says_what_kind_of_server_it_is(served: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the tests does not wait for its disk."""
    found = [it for it in checks(served) if it["name"] == "state"]
    assert [it["status"] for it in found] == ["ok", "advice"]
    for part in (served.top["state"].partition("?")[0], "test write succeeded", "PostgreSQL 1", "no TLS", " ms, "):
        assert part in found[0]["message"]
    assert "fsync = off" in found[1]["message"]
    monkeypatch.setattr("klarna24.check.state.MAX_ROUND_TRIP", 0.0)
    monkeypatch.setattr("klarna24.check.state.MAX_APART", timedelta(seconds=-1))
    served.top["state"] = served.top["state"].replace("klarna24@", "postgres@")
    served.write()
    told = [it["message"] for it in checks(served) if (it["name"], it["status"]) == ("state", "advice")]
    assert len(told) == 4
    for part in ("round trip", "server's clock", "fsync", "may do everything"):
        assert any(part in it for it in told), part


def checks(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.run("check", "--profile", "shop1", "--json").json["profiles"][0]["checks"]
    return found


def test_the_state_moves_to_a_server_and_the_runs_with_it(open_shop: OpenShop, base: Base) -> None:
    shop = open_shop(payouts=[simple("FIRST", 2)])
    assert shop.sync().code == 0
    copied = shop.run("state", "copy", "--from", str(shop.state), "--to", base.url)
    assert (copied.code, copied.err) == (0, "")
    assert copied.out.startswith("copied and compared: 1 profiles, 1 payouts, ")
    assert shop.run("state", "copy", "--from", str(shop.state), "--to", base.url).code == 3
    shop.use_server(base)
    shop.box.klarna.add(*simple("SECOND"))
    assert shop.sync("--now").code == 0
    assert shop.stored() == {"FIRST": "drafted", "SECOND": "drafted"}
    assert len(shop.drafts()) == 2
    back = shop.folder / "back"
    assert shop.run("state", "copy", "--from", base.url, "--to", str(back)).code == 0
    told = shop.run("state", "copy", "--from", "postgresql://a:hunter2@b/c", "--to", str(back))
    assert (told.code, "hunter2" in told.err) == (3, False)


def test_a_lost_schema_is_refused_until_a_person_begins_again(served: Shop, base: Base) -> None:
    assert served.sync().code == 0
    base.empty()
    for arguments in (["sync", "--all", "--now"], ["dry-run", "--all"], ["status"], ["log"]):
        result = served.run(*arguments)
        assert (result.code, len(result.lines())) == (3, 1), result.err
        assert "klarna24 state new" in result.err
    assert served.run("state", "new", "--yes").code == 0
    assert served.sync("--now").code == 0
    assert len(served.drafts()) == 4, "as the person was told"


def test_without_the_extra_one_line_says_how_to_install_it(served: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [it for it in sys.modules if it.startswith(("klarna24.state.postgres", "psycopg"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = served.sync()
    assert (result.code, len(result.lines())) == (3, 1), result.err
    assert "pip install 'psycopg[binary]'" in result.err


def test_the_password_is_in_no_output_and_no_log(
    served: Shop, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.sql("ALTER ROLE klarna24 PASSWORD 'hunter2'")
    monkeypatch.setenv("WORD", "hunter2")
    served.top["state"] = f"postgresql://klarna24@127.0.0.1:{base.cluster.port}/{base.name}"
    served.top["state_password"] = {"env": "WORD"}
    served.write()
    log = tmp_path / "log"
    texts = []
    for command in ("sync --all", "check --profile shop1", "status --json", "log"):
        result = served.run("-vv", "--log-file", str(log), *command.split())
        assert result.code == 0, result
        texts += [result.out, result.err]
    monkeypatch.setenv("WORD", "hunter2x")
    result = served.run("-vv", "--log-file", str(log), "sync", "--all", "--now")
    assert result.code == 4
    assert not [text for text in (*texts, result.out, result.err, log.read_text()) if "hunter2" in text]


CONTAINER = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/dev
for device in null zero urandom; do touch /mnt/dev/$device; mount --bind /dev/$device /mnt/dev/$device; done
for place in /usr /lib /lib64 /bin /sbin /etc /proc "$@"; do
    if [ -L "$place" ]; then cp -P "$place" /mnt/; continue; fi
    [ -d "$place" ] || continue
    mkdir -p "/mnt$place"
    mount --rbind -o ro "$place" "/mnt$place"
done
mount -o remount,ro /mnt
exec chroot --userspec=10001:10001 --groups= /mnt /usr/bin/env -i \\
    "KLARNA24_CONFIG=$CONFIG" "KLARNA24_STATE=$STATE" "PYTHONPATH=$PATHS" PYTHONDONTWRITEBYTECODE=1 \\
    "$PYTHON" -m klarna24 sync --all
"""
OURS = 10001  # user and group, which no list of users has


def test_a_container_with_a_read_only_root_and_without_home_user_and_disk(
    open_shop: OpenShop, base: Base, tmp_path: Path
) -> None:
    """An uid that no list of users has, passwords as files, and nowhere to write."""
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.call(["unshare", "-m", "true"]):
        pytest.skip("only root may make a namespace of mounts here")
    shop = open_shop(payouts=[simple("FIRST")])
    State.open(Server(base.url, tmp_path / "of the owner")).close()
    secrets = shop.folder / "secrets"
    secrets.mkdir()
    for name, word in (("klarna", shop.box.klarna.password), ("office", shop.box.office.password)):
        (secrets / name).write_text(word)
    del shop.top["state_dir"]
    shop.write(
        {
            "klarna": {"password": {"env": None, "file": str(secrets / "klarna")}},
            "24sevenoffice": {"password": {"env": None, "file": str(secrets / "office")}},
        }
    )
    for file in (*secrets.iterdir(), shop.config):
        os.chown(file, 0, OURS)
        file.chmod(0o440)
    paths = [str(ROOT), *filter(os.path.isdir, sys.path[1:])]
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            CONTAINER,
            "sh",
            *_outermost([*paths, sys.prefix, sys.base_prefix]),
            str(shop.folder),
            str(base.cluster.folder),
        ],
        env={
            "PATH": os.environ["PATH"],
            "CONFIG": str(shop.config),
            "STATE": base.url,
            "PATHS": ":".join(paths),
            "PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", ""), done.stderr
    assert len(shop.drafts()) == 1
    assert "10001" in [it.split("@")[0] for (it,) in base.sql("SELECT who FROM event")]


def _outermost(folders: list[str]) -> list[str]:
    """Without those that are in another one, or in a folder that is there anyway."""
    found: list[str] = []
    for folder in sorted(set(folders)):
        if not folder.startswith(("/usr/", "/lib")) and not any(folder.startswith(f"{it}/") for it in found):
            found.append(folder)
    return found
