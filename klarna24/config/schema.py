"""profiles.toml as a JSON Schema, for editors: made of the tables that validate it, and of the example's texts."""

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

from klarna24.config.file import DEFAULTS, PROFILE_NAME, PROFILES, File
from klarna24.config.tables import Profile

Schema = dict[str, Any]
Keys = tuple[str, ...]
EXAMPLE = "profiles.example.toml"
_ABOUT_DEFAULTS = "Any key of a profile, for all profiles. A profile's own key wins, and tables are merged."
_ABOUT_PROFILES = "One table for each web shop, under a name of your choice."


def example() -> str:
    """The text of profiles.example.toml, which is part of the package."""
    return (resources.files("klarna24.config") / EXAMPLE).read_text("utf-8")


def json_schema() -> Schema:
    """Draft 2020-12. What a profile must have is required only where the file has no defaults, for a schema cannot
    merge tables. Which keys go together is left to ``klarna24 check``."""
    schema, profile = _inlined(File.model_json_schema()), _inlined(Profile.model_json_schema())
    texts = _texts()
    _describe(schema, (), texts)
    _describe(profile, (PROFILES, "shop1"), texts)
    names = {"pattern": f"^{PROFILE_NAME.pattern}$"}
    schema["properties"][PROFILES] = {
        "type": "object",
        "description": _ABOUT_PROFILES,
        "propertyNames": names,
        "minProperties": 1,
        "additionalProperties": _optional(profile),
    }
    schema["properties"][DEFAULTS] = {**_optional(profile), "description": _ABOUT_DEFAULTS}
    whole = {PROFILES: {"additionalProperties": _requirements(profile)}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profiles.toml of klarna24",
        **schema,
        "required": [PROFILES],
        "if": {"not": {"required": [DEFAULTS]}},
        "then": {"properties": whole},
    }


def _inlined(schema: Schema) -> Schema:
    """Without references, and without what pydantic adds by itself: titles, docstrings, null for an absent key."""
    definitions: Schema = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        match node:
            case {"$ref": str(name), **others}:
                return inline({**definitions[name.rpartition("/")[2]], **others})
            case {"allOf": [only], **others}:  # how older versions of pydantic write a reference with a default
                return inline({**only, **others})
            case {"anyOf": [kind, {"type": "null"}], **others}:
                return inline({**kind, **others})
            case {"properties": dict(keys), **others}:
                return {**inline(others), "properties": {key: inline(it) for key, it in keys.items()}}
            case dict():
                shown = {key: it for key, it in node.items() if key not in {"title", "description"}}
                if not isinstance(shown.get("default", ""), str | int):
                    del shown["default"]
                return {key: inline(it) for key, it in shown.items()}
            case list():
                return [inline(it) for it in node]
        return node

    inlined: Schema = inline(schema)
    return inlined


def _describe(schema: Schema, path: Keys, texts: dict[Keys, str]) -> None:
    for key, below in schema.get("properties", {}).items():
        here = (*path, key)
        if (text := texts.get(here)) or (text := texts.get(here[2:])):  # [notify.email] stands there once
            below["description"] = text
        _describe(below, here, texts)


def _optional(schema: Schema) -> Schema:
    """Nothing in it is required, at any depth."""
    keys = {key: _optional(below) for key, below in schema.get("properties", {}).items()}
    return {key: it for key, it in schema.items() if key != "required"} | ({"properties": keys} if keys else {})


def _requirements(schema: Schema) -> Schema:
    """Nothing but what is required in it, at each depth."""
    below = {key: _requirements(it) for key, it in schema.get("properties", {}).items()}
    keys = {key: it for key, it in below.items() if it}
    required = {"required": schema["required"]} if "required" in schema else {}
    return required | ({"properties": keys} if keys else {})


def _texts() -> dict[Keys, str]:
    """What the example says of each key and table: the lines of text above it, or above the keys that stand with
    it; else what is said of its table."""
    found: dict[Keys, str] = {}
    table: Keys = ()
    for block in example().split("\n\n"):
        text, is_complete = "", False
        for line in filter(None, block.split("\n")):
            if line.startswith("##"):
                text, is_complete = (line[2:] if is_complete else text + line[2:]), False
                continue
            is_complete, statement = True, line.removeprefix("# ")
            keys = (*_keys(tomllib.loads(statement)),)
            if statement.startswith("["):
                table = keys
            else:
                keys = (*table, *keys)
            found[keys] = text.strip() or found[table]
    return found


def _keys(parsed: Schema) -> Iterator[str]:
    """The path that one statement of TOML sets. A secret's or an account's inline table is a value."""
    while len(parsed) == 1:
        ((key, below),) = parsed.items()
        yield key
        if not isinstance(below, dict) or key in {"password", "returns", "reversals", "charges", "credits"}:
            return
        parsed = below
