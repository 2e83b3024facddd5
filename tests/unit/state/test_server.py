"""A state on a PostgreSQL server: least rights, refused where it is not ours, and known again by each host."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from klarna24.config.address import Server
from klarna24.config.folders import NOWHERE
from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault, Klarna24Error, Locked, StateFault, Unavailable
from klarna24.http.pace import reset_paces
from klarna24.state.damage import Damaged
from klarna24.state.folder import WITNESS
from klarna24.state.lock import no_run, only_run
from klarna24.state.postgres import connecting, opening
from klarna24.state.postgres.schema import STEPS
from klarna24.state.records import Status
from klarna24.state.renewal import begin_again, loss
from klarna24.state.store import State
from klarna24.state.witness import LostState, OtherState
from tests.support.postgres import Base
from tests.support.shops import OpenShop, simple
from tests.support.state import DAY, OWNER, a_payout, log, row, send, sent, sql, status

# The schema


def test_many_hosts_make_one_schema(server: Server) -> None:
    def host(number: int) -> str:
        own = replace(server, folder=server.folder / str(number))
        State.open(own).close()
        return (own.folder / WITNESS).read_text()

    with ThreadPoolExecutor(8) as pool:
        ids = {it.split('"')[3] for it in pool.map(host, range(12))}
    assert len(ids) == 1
    assert sql(server, "SELECT version FROM migration") == [(len(STEPS),)]


def test_texts_are_compared_as_sqlite_does_whatever_the_databases_language(server: Server) -> None:
    State.open(server).close()
    other = "table_schema = 'klarna24' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
    assert sql(server, f"SELECT table_name, column_name FROM information_schema.columns WHERE {other}") == []


def test_a_server_has_the_tables_columns_and_indexes_of_a_file(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "file"
    State.open(server).close()
    State.open(folder).close()
    columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    schema = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'klarna24'"
    own = {("migration", "version"), ("migration", "taken_at")}
    own |= {("pace", "identity"), ("pace", "minute"), ("pace", "requests")}
    assert set(sql(server, schema)) == set(sql(folder, columns)) | own
    indexes = sql(folder, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    there = sql(server, "SELECT indexname FROM pg_indexes WHERE schemaname = 'klarna24'")
    assert set(indexes) <= set(there)


def test_a_schema_of_a_newer_klarna24_is_refused(server: Server) -> None:
    State.open(server).close()
    sql(server, f"INSERT INTO migration VALUES ({len(STEPS) + 1})")
    for way in (State.open, State.for_reading):
        with pytest.raises(StateFault, match="newer klarna24"):
            way(server)


def test_a_schema_of_somebody_elses_is_refused_and_left_alone(server: Server) -> None:
    sql(server, "CREATE SCHEMA klarna24", "CREATE TABLE klarna24.payout (id INTEGER)")
    for way in (State.open, State.for_reading):
        with pytest.raises(StateFault, match="is not klarna24's"):
            way(server)
    assert sql(server, "SELECT relname FROM pg_class WHERE relnamespace = 'klarna24'::regnamespace") == [
        ("payout",)
    ]


def test_an_older_schema_is_brought_up_to_date_by_a_writer_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(State.open(server)) as state:
        send(state, a_payout())
    monkeypatch.setattr(opening, "STEPS", (*STEPS, "CREATE TABLE novelty (id INTEGER);", "nonsense;"))
    with pytest.raises(StateFault, match="older klarna24"):
        State.for_reading(server)
    with pytest.raises(StateFault):
        State.open(server)
    assert sql(server, "SELECT version FROM migration") == [(len(STEPS),)], "all or nothing"
    monkeypatch.setattr(opening, "STEPS", (*STEPS, "CREATE TABLE novelty (id INTEGER);"))
    with closing(State.open(server)) as state:
        assert status(state, a_payout()) == "sending"


def test_a_table_that_is_missing_is_damage(server: Server) -> None:
    State.open(server).close()
    sql(server, "DROP TABLE alert", "ALTER TABLE payout DROP COLUMN sums")
    with closing(State.open(server)) as state, pytest.raises(Damaged):
        send(state, a_payout())
    fault = loss(server)
    assert isinstance(fault, Damaged)
    (kept,) = begin_again(server, fault)
    assert sql(server, f"SELECT count(*) FROM {kept}.meta") == [(1,)]
    with closing(State.open(server)) as state:
        assert [it.what for it in state.events(None)] == ["state new"]


# Rights


@pytest.fixture
def worker(base: Base, server: Server) -> Server:
    """A user who may read and write rows, and nothing else, after the schema was made by another."""
    State.open(server).close()
    base.sql("GRANT USAGE ON SCHEMA klarna24 TO trusted")
    base.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA klarna24 TO trusted")
    base.sql(f"GRANT CONNECT ON DATABASE {base.name} TO trusted")
    return replace(server, url=base.cluster.url(base.name, "trusted"))


def test_the_right_to_read_and_write_rows_suffices_for_runs(worker: Server) -> None:
    with only_run(worker, "shop1") as lock, closing(State.open(worker, lock)) as state:
        state.try_to_write()
        state.listed(OWNER, [(a_payout(), DAY)], "scope")
        state.answered(OWNER, sent(state, a_payout()), Status.DRAFTED, "Ok")
        state.completed(OWNER)
    with closing(State.for_reading(worker)) as reader:
        assert log(reader)[-1] == ("XISA93DJ", "drafted")


def test_a_user_without_the_right_to_make_a_schema_makes_none(base: Base, server: Server) -> None:
    base.sql(f"GRANT CONNECT ON DATABASE {base.name} TO trusted")
    with pytest.raises(StateFault, match="permission denied") as fault:
        State.open(replace(server, url=base.cluster.url(base.name, "trusted")))
    assert "docs/scaling.md" in str(fault.value.hint)


def test_a_reader_can_write_nothing(server: Server) -> None:
    State.open(server).close()
    with closing(State.for_reading(server)) as reader:
        writes: list[Callable[[State], object]] = [
            lambda it: send(it, a_payout()),
            lambda it: it.completed(OWNER),
            State.try_to_write,
        ]
        for write in writes:
            with pytest.raises(StateFault):
                write(reader)


# What a host remembers


def test_a_schema_that_is_gone_is_not_made_anew_in_silence(server: Server) -> None:
    with closing(State.open(server)) as state:
        send(state, a_payout())
    sql(server, "DROP SCHEMA klarna24 CASCADE")
    for way in (State.open, State.for_reading):
        with pytest.raises(LostState, match="this host has used one before"):
            way(server)
    with pytest.raises(LostState), only_run(server, "shop1"):
        pass
    fault = loss(server)
    assert isinstance(fault, LostState)
    assert begin_again(server, fault) == []
    with closing(State.open(server)) as state:
        assert [it.what for it in state.events(None)] == ["state new"]
    assert loss(server) is None


def test_another_state_than_before_is_refused_until_a_person_accepts_it(server: Server, folder: Path) -> None:
    State.open(folder).close()
    for way in (State.open, State.for_reading):
        with pytest.raises(LostState):
            way(server)
    State.open(replace(server, folder=folder / "elsewhere")).close()
    for way in (State.open, State.for_reading):
        with pytest.raises(OtherState, match="another one than this host has used"):
            way(server)
    fault = loss(server)
    assert isinstance(fault, OtherState)
    begin_again(server, fault)
    State.open(server).close()
    with pytest.raises(OtherState):
        State.open(folder)


def test_a_host_that_keeps_nothing_makes_no_state_but_uses_one(server: Server) -> None:
    forgetful = replace(server, folder=NOWHERE)
    with pytest.raises(LostState, match="no folder that could tell"):
        State.open(forgetful)
    with closing(State.for_reading(forgetful)) as reader:
        assert [*reader.events(None)] == []
    State.open(server).close()
    with closing(State.open(forgetful)) as state:
        assert send(state, a_payout()) is not None


# The lock


def test_the_lock_names_the_host_that_has_it_and_ends_with_its_connection(server: Server) -> None:
    with only_run(server, "shop1") as lock:
        assert lock
        with pytest.raises(Locked, match=rf"another run is under way \(.*@.* pid {os.getpid()}, since 20"):
            only_run(server, "shop1").__enter__()
        with only_run(server, "shop2"):
            pass
        lock.close()
        with only_run(server, "shop1"):
            pass


def test_a_run_waits_for_another_as_long_as_it_is_told(server: Server) -> None:
    State.open(server).close()
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with only_run(server, "shop1"):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait(10)
    threading.Timer(0.3, done.set).start()
    with only_run(server, "shop1", wait=10):
        pass
    thread.join()


def test_what_must_meet_no_run_meets_none(server: Server) -> None:
    with only_run(server, "unheard of"), pytest.raises(Locked), no_run(server, []):
        pass
    with no_run(server, []), pytest.raises(Locked), only_run(server, "shop1"):
        pass


def cut_all(server: Server) -> None:
    sql(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()",
    )


def test_a_run_that_lost_its_connection_writes_its_answer_and_sends_nothing_more(server: Server) -> None:
    with only_run(server, "shop1") as lock, closing(State.open(server, lock)) as state:
        first = sent(state, a_payout("FIRST"))
        cut_all(server)
        with pytest.raises(Unavailable, match="cannot be reached"):
            state.answered(OWNER, first, Status.DRAFTED, "Ok")
        state.answered(OWNER, first, Status.DRAFTED, "Ok")
        assert status(state, a_payout("FIRST")) == "drafted"
        with pytest.raises(Unavailable, match="this run's lock ended"):
            send(state, a_payout("SECOND"))
        assert status(state, a_payout("SECOND")) is None
        with only_run(server, "shop1"):
            pass


def test_a_change_that_breaks_in_the_middle_is_not_made(server: Server) -> None:
    with closing(State.open(server)) as state:

        def change() -> None:
            with state._transaction():
                state._db.execute("INSERT INTO profile (name) VALUES ('half')")
                cut_all(server)
                state._db.execute("INSERT INTO profile (name) VALUES ('rest')")

        with pytest.raises(Unavailable):
            change()
        assert state.profiles() == []


def test_changes_of_all_hosts_come_one_after_the_other(server: Server) -> None:
    """What is read inside a transaction is still true when it is changed, for hosts that share no lock."""
    State.open(server).close()

    def count(_: int) -> None:
        with closing(State.open(server)) as state, state._transaction():
            found = state._query("SELECT scope FROM profile WHERE name = 'x'")
            time.sleep(0.01)
            state._set_profile("x", "scope", str(int(found[0]["scope"]) + 1 if found else 1))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(12)))
    assert sql(server, "SELECT scope FROM profile") == [("12",)]


# Connections


def test_how_a_connection_is_made(server: Server) -> None:
    State.open(server).close()
    sql(server, "ALTER ROLE klarna24 SET synchronous_commit = off")
    try:
        with closing(connecting.connect(server, "me")[0]) as opened:
            shown = {
                name: opened.execute(f"SHOW {name}".encode()).fetchall()[0][0]
                for name in ("synchronous_commit", "search_path", "idle_in_transaction_session_timeout")
            }
        assert shown == {
            "synchronous_commit": "on",
            "search_path": "klarna24, pg_temp",
            "idle_in_transaction_session_timeout": "20s",
        }
        sql(server, "ALTER ROLE klarna24 SET synchronous_commit = remote_apply")
        with closing(connecting.connect(server, "me")[0]) as opened:
            assert opened.execute(b"SHOW synchronous_commit").fetchall()[0][0] == "remote_apply"
    finally:
        sql(server, "ALTER ROLE klarna24 RESET synchronous_commit")


def test_moments_are_those_of_the_servers_clock(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, zone: object = None) -> "Wrong":
            return cls(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("klarna24.state.base.datetime", Wrong)
    with closing(State.open(server)) as state:
        assert state.now().utcoffset() == timedelta()
        send(state, a_payout())
        assert abs(row(state, a_payout()).changed_at - datetime.now(UTC)) < timedelta(seconds=5)


def refusal(server: Server) -> Klarna24Error:
    with pytest.raises(Klarna24Error) as fault:
        State.open(server)
    return fault.value


def test_what_a_refused_connection_means(server: Server, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    base.sql("ALTER ROLE klarna24 PASSWORD 'hunter2'")
    address = f"postgresql://klarna24@127.0.0.1:{base.cluster.port}/{base.name}"
    by_tcp = replace(server, url=address, password=Secret("env", "WORD"))
    monkeypatch.setenv("WORD", "hunter2")
    State.open(by_tcp).close()
    monkeypatch.setenv("WORD", "hunter3")
    wrong = refusal(by_tcp)
    assert isinstance(wrong, CredentialsFault)
    assert "password authentication failed" in wrong.message
    monkeypatch.delenv("WORD")
    missing = refusal(by_tcp)
    assert isinstance(missing, CredentialsFault)
    assert missing.message.startswith("state_password: the environment variable")
    assert isinstance(refusal(replace(by_tcp, password=None)), CredentialsFault)
    assert isinstance(refusal(replace(server, url=base.cluster.url("nowhere"))), StateFault)
    assert isinstance(refusal(replace(server, url=f"{base.url}&colour=red")), StateFault)
    nobody = address.replace(f":{base.cluster.port}", ":1")
    assert isinstance(refusal(replace(server, url=nobody)), Unavailable)
    for fault in (wrong, missing):
        assert "hunter" not in f"{fault.message}{fault.hint}"


def test_a_password_can_be_where_libpq_looks_for_it(
    server: Server, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.sql("ALTER ROLE klarna24 PASSWORD 'hunter2'")
    (tmp_path / "pgpass").write_text("*:*:*:*:hunter2\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    State.open(replace(server, url=f"postgresql://klarna24@127.0.0.1:{base.cluster.port}/{base.name}")).close()


def test_another_host_is_verified_by_its_certificate_and_name(
    server: Server, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "is_on_this_host", lambda hosts: False)

    def at(host: str) -> Server:
        where = f"postgresql://trusted@{host}:{base.cluster.port}/{base.name}?hostaddr=127.0.0.1"
        return replace(server, url=where)

    base.sql(f"GRANT CONNECT, CREATE ON DATABASE {base.name} TO trusted")
    unknown = refusal(at("db.example"))
    assert isinstance(unknown, StateFault)
    assert "certificate verify failed" in unknown.message
    monkeypatch.setenv("PGSSLROOTCERT", str(base.cluster.folder / "ca.pem"))
    other = refusal(at("other.example"))
    assert isinstance(other, StateFault)
    assert "does not match host name" in other.message
    with closing(State.open(at("db.example"))) as state:
        facts = state.facts()
        assert facts
        assert (facts.encryption or "").startswith("TLSv1.")


# The pace


def test_requests_of_all_hosts_are_counted_together_for_an_hour(server: Server) -> None:
    with closing(State.open(server)) as one, closing(State.open(server)) as other:
        waits = [it.count_request("user", 4) for it in (one, other) * 2]
        assert waits == [0, 0, 0, 0]
        assert 3540 <= other.count_request("user", 4) <= 3660
        assert other.count_request("another user", 4) == 0
        sql(server, "UPDATE pace SET minute = minute - 61")
        assert one.count_request("user", 4) == 0
    assert sql(server, "SELECT sum(requests) FROM pace") == [(1,)], "nothing grows"


def test_a_request_that_cannot_be_counted_is_made_all_the_same(server: Server) -> None:
    with closing(State.open(server)) as state, closing(State.for_reading(server)) as reader:
        sql(server, "DROP TABLE pace")
        assert (state.count_request("user", 4), reader.count_request("user", 4)) == (0, 0)


def test_a_user_who_has_made_all_requests_of_the_hour_elsewhere_waits(
    open_shop: OpenShop, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("FIRST")])
    shop.use_server(base)
    assert shop.sync().code == 0
    reset_paces()  # another host
    ((made,),) = base.sql("SELECT sum(requests) FROM pace")
    assert made == sum(shop.box.calls().values()) - shop.box.calls()["payouts"]
    monkeypatch.setattr("klarna24.twentyfour.transport.REQUESTS_AN_HOUR", made)
    shop.box.klarna.add(*simple("SECOND"))
    result = shop.sync("--now")
    assert (result.code, len(shop.drafts())) == (5, 1)
    assert "requests were made within an hour" in result.err
