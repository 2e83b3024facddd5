"""klarna24 schema: the JSON Schema of profiles.toml, made of the tables that validate it."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from klarna24.config.file import File
from tests.support import ROOT, python
from tests.support.bookkeeping import PROFILE, Json, merged
from tests.support.settings import ALL_IN_USE, EXAMPLE, keys, nested


@pytest.fixture(scope="module")
def schema() -> Json:
    printed: Json = json.loads(python("-m", "klarna24", "schema").stdout)
    return printed


def as_an_editor_has_it(value: Any) -> Any:
    """JSON has no dates: an editor passes them as text."""
    match value:
        case dict():
            return {key: as_an_editor_has_it(it) for key, it in value.items()}
        case list():
            return [as_an_editor_has_it(it) for it in value]
        case date():
            return value.isoformat()
    return value


def faults(schema: Json, file: Json) -> list[str]:
    """The path of each fault that the schema finds."""
    found = jsonschema.Draft202012Validator(schema).iter_errors(as_an_editor_has_it(file))
    return sorted(error.json_path for error in found)


def test_it_is_a_schema_of_the_draft_that_it_names(schema: Json) -> None:
    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("text", [EXAMPLE, ALL_IN_USE], ids=["as it stands", "all in use"])
def test_the_example_is_valid(schema: Json, text: str) -> None:
    assert faults(schema, tomllib.loads(text)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("timezon", "Europe/Oslo"), ("klarna.regoin", "europe"), ("voucher.departement_id", 1)),
        *(("start_date", 5), ("transfer", "itemized"), ("accounts.payout", "1940"), ("klarna.password", "hush")),
        *(("accounts.charges", {"other": 0}), ("klarna.password", {"env": "A", "file": "/b"}), ("vat.rate", 100)),
        *(("24sevenoffice.identity_id", "me"), ("klarna.currencies", ["sek"]), ("klarna.base_url", "ftp://a.b")),
    ],
)
def test_a_wrong_key_or_value_is_a_fault_in_a_profile_and_in_the_defaults(
    schema: Json, path: str, value: object
) -> None:
    table = merged(merged(PROFILE, nested(path, None)), nested(path, value))
    assert faults(schema, {"profiles": {"shop1": table}})
    assert faults(schema, {"profiles": {"shop1": PROFILE}, "defaults": nested(path, value)})


def test_what_is_missing_is_a_fault_only_without_defaults(schema: Json) -> None:
    table = merged(PROFILE, {"timezone": None, "accounts": {"payout": None}})
    assert faults(schema, {"profiles": {"shop1": table}}) == ["$.profiles.shop1", "$.profiles.shop1.accounts"]
    assert faults(schema, {"profiles": {"shop1": table}, "defaults": {"timezone": "Europe/Oslo"}}) == []
    assert faults(schema, {}) == ["$"]
    assert faults(schema, {"profiles": {"Shop 1": PROFILE}}) == ["$.profiles"]


def test_every_key_is_described(schema: Json) -> None:
    def described(node: Json, path: str = "") -> list[str]:
        below = [
            it for key, table in node.get("properties", {}).items() for it in described(table, f"{path}{key}.")
        ]
        return below or ([path.rstrip(".")] if len(node.get("description", "")) > 10 else [])

    tables = schema["properties"]
    profile = tables["profiles"]["additionalProperties"]
    found = {*described(schema), *described(profile, "profiles.shop1.")}
    assert {path for path in keys(File) if not path.endswith("password")} - found == set()
    assert profile["properties"]["klarna"]["properties"]["password"]["description"].startswith("The user name and")
    assert set(tables["defaults"]["properties"]) == set(profile["properties"])


def test_the_package_has_the_example(tmp_path: Path) -> None:
    """A link in the repository, of which the wheel and the sdist have a copy: CI compares it."""
    printed = python("-P", "-m", "klarna24", "schema", "--example", cwd=tmp_path)
    assert (printed.returncode, printed.stdout) == (0, EXAMPLE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "config/profiles.example.toml" in project["tool"]["setuptools"]["package-data"]["klarna24"]
