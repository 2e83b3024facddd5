"""``[defaults]``: a profile's own keys win, and tables are merged."""

from typing import Any

from klarna24.config.tables import Profile
from klarna24.config.values import Table

Raw = dict[str, Any]
Keys = tuple[str, ...]
# A default that needs another key's value is left out where the profile itself gives that key another one.
_NEEDS: dict[Keys, tuple[Keys, tuple[str, ...]]] = {
    ("weekday",): (("frequency",), ("weekly",)),
    ("day",): (("frequency",), ("monthly",)),
    ("references",): (("transfer",), ("itemised", "itemised-fees")),
    ("vat", "rate"): (("vat", "mode"), ("reverse-charge",)),
    ("vat", "output"): (("vat", "mode"), ("reverse-charge",)),
    ("vat", "input"): (("vat", "mode"), ("reverse-charge",)),
}


def with_defaults(own: Raw, defaults: Raw) -> Raw:
    """The profile's table as it counts; nothing is validated. Two tables of settings are merged, and so are two of
    accounts by detailed type. Every other value is replaced as a whole, and so is the place of a secret."""
    for keys, (other, values) in _NEEDS.items():
        if has(own, other) and value_at(own, other) not in values and not has(own, keys):
            defaults = _without(defaults, keys)
    return _merged(Profile, own, defaults)


def has(table: object, keys: tuple[str | int, ...]) -> bool:
    """Whether the key is there, or a value that is no table stands in its place."""
    for key in keys:
        if not isinstance(table, dict):
            return True
        if key not in table:
            return False
        table = table[key]
    return True


def value_at(table: object, keys: tuple[str | int, ...]) -> object:
    """The value, or whatever stands in the place of a table around it."""
    for key in keys:
        table = table[key] if isinstance(table, dict) else table
    return table


def _without(table: Raw, keys: Keys) -> Raw:
    first, *rest = keys
    if not rest:
        return {key: value for key, value in table.items() if key != first}
    inner = table.get(first)
    return {**table, first: _without(inner, tuple(rest))} if isinstance(inner, dict) else table


def _merged(kind: type[Table], own: Raw, defaults: Raw) -> Raw:
    both = {**defaults, **own}
    for key in own.keys() & defaults.keys():
        mine, usual = own[key], defaults[key]
        if isinstance(mine, dict) and isinstance(usual, dict):
            if below := kind.table(key):
                both[key] = _merged(below, mine, usual)
            elif key in kind.tables_by_name():
                both[key] = {**usual, **mine}
    return both
