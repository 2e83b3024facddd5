"""The profiles of profiles.toml, each with the defaults. What is wrong with one concerns that one alone."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from klarna24.config.contacts import Notify
from klarna24.config.defaults import Raw, has, with_defaults
from klarna24.config.faults import Fault, faults_of
from klarna24.config.file import DEFAULTS, PROFILE_NAME, PROFILES
from klarna24.config.tables import Profile, disjoint
from klarna24.text.sentences import Language, Sentence, sentence

Login = tuple[str, str]  # at Klarna: the address and the user name
_ANY = ""  # no merchant's id: a profile without merchant_ids sees all of them


@dataclass
class Profiles:
    """``valid`` are those without a fault, ``broken`` has the faults of each other one. ``raw`` is what each says,
    valid or not, with the defaults. ``common`` are the faults that concern all."""

    valid: dict[str, Profile] = field(default_factory=dict)
    broken: dict[str, list[Fault]] = field(default_factory=dict)
    raw: dict[str, Raw] = field(default_factory=dict)
    common: list[Fault] = field(default_factory=list)

    def breaks(self, name: str, *faults: Fault) -> None:
        """These faults are the profile's, too."""
        self.broken.setdefault(name, []).extend(faults)
        self.valid.pop(name, None)

    def language(self, name: str) -> Language:
        """That of the profile; English where it has none that we know."""
        match self.raw[name].get("language"):
            case "sv":
                return "sv"
            case "nb":
                return "nb"
        return "en"

    def notify(self, name: str) -> Notify:
        """Whom to notify of this profile, as far as that is valid."""
        try:
            return Notify.model_validate(self.raw[name].get("notify", {}))
        except ValidationError:
            return Notify()


def read_profiles(tables: object, defaults: object) -> Profiles:
    """Validate all of them; raises nothing."""
    found = Profiles()
    if not isinstance(tables, dict) or not tables:
        message = sentence("there is no profile: add [profiles.NAME], or run {command}", command="klarna24 init")
        found.common.append(Fault((PROFILES,), message))
        tables = {}
    usual = _defaults(defaults, found)
    for name, own in tables.items():
        if not PROFILE_NAME.fullmatch(name):
            message = sentence(
                "{name} is not a valid profile name: use at most 40 lower-case letters, digits, - and _",
                name=repr(name),
            )
            found.common.append(Fault((PROFILES, name), message))
        _read(name, own, usual, found)
    shared = _shared(found)
    found.common += shared
    for name, faults in [*found.broken.items()]:
        found.broken[name] = [fault for fault in faults if fault not in shared]
    for one, other in _clashing([*found.valid.values()]):
        message = _clash(one, other)
        for name in (one.name, other.name):
            found.breaks(name, Fault((PROFILES, name), message))
    return found


def _defaults(raw: object, found: Profiles) -> Raw:
    """The defaults; what is wrong with a value among them is a fault of all. That a key is missing is none, and
    whether they go together is seen with each profile."""
    try:
        Profile.model_validate(raw)
    except ValidationError as error:
        found.common += [
            fault
            for fault in faults_of(error, Profile, (DEFAULTS,))
            if not fault.is_conflict and not fault.is_missing
        ]
    return raw if isinstance(raw, dict) else {}


def _read(name: str, own: object, defaults: Raw, found: Profiles) -> None:
    path = (PROFILES, name)
    found.raw[name] = with_defaults(own, defaults) if isinstance(own, dict) else {}
    try:
        profile = Profile.model_validate(found.raw[name] if isinstance(own, dict) else own)
    except ValidationError as error:
        found.broken[name] = [*_own_faults(faults_of(error, Profile, path), own, defaults)]
        return
    profile._name = name
    found.valid[name] = profile


def _own_faults(faults: list[Fault], own: object, defaults: Raw) -> Iterator[Fault]:
    """Without the faults of values that stand in the defaults, which are told of there. What does not go together
    there is told at its place there."""
    for fault in faults:
        below = fault.path[2:]
        if has(own, below) or not has(defaults, below):
            yield fault
        elif fault.is_conflict:
            yield replace(fault, path=(DEFAULTS, *below))


def _shared(found: Profiles) -> list[Fault]:
    """The faults within the defaults that every profile has, because none of them overrides it."""
    if not found.broken or found.valid:
        return []
    first, *others = found.broken.values()
    return [fault for fault in first if fault.path[0] == DEFAULTS and all(fault in other for other in others)]


def _clashing(profiles: list[Profile]) -> Iterator[tuple[Profile, Profile]]:
    """The pairs that would book the same payouts: copied profiles of which too little was changed. Each is
    compared with those of its own login and merchants alone, for there may be a thousand."""
    of_login: dict[Login, list[Profile]] = defaultdict(list)
    of_merchant: dict[tuple[Login, str], list[Profile]] = defaultdict(list)
    for one in profiles:
        login = one.klarna.url, one.klarna.username
        near = of_login[login]
        if merchants := one.klarna.merchant_ids:
            near = [other for merchant in (*merchants, _ANY) for other in of_merchant[login, merchant]]
        for other in {other.name: other for other in near}.values():
            if not disjoint(one.klarna, other.klarna):
                yield other, one
        of_login[login].append(one)
        for merchant in merchants or [_ANY]:
            of_merchant[login, merchant].append(one)


def _clash(one: Profile, other: Profile) -> Sentence:
    names = {"one": one.name, "other": other.name}
    if one.twentyfour.client_id != other.twentyfour.client_id:
        return sentence(
            "profiles {one} and {other} would book the same payouts in two companies: give them different "
            "currencies or merchant_ids, or different Klarna credentials",
            **names,
        )
    return sentence(
        "profiles {one} and {other} would book the same payouts: give them different currencies or "
        "merchant_ids, or remove one",
        **names,
    )
