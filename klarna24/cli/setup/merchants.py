"""Several shops or currencies on one Klarna login: which payouts are this profile's, and which another's."""

import contextlib
import copy
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

from klarna24.cli.setup.draft import Draft, profile_of
from klarna24.cli.setup.prompts import Refused, folded
from klarna24.cli.setup.question import Question
from klarna24.config.defaults import with_defaults
from klarna24.config.tables import Klarna, disjoint
from klarna24.text.sentences import sentence

TWICE = sentence("profile {name} books these too: each payout would be booked twice", name="")
NONE_FREE = sentence(
    "All of these are in other profiles so far. For a shop without payouts, type its merchant's id."
)
ALL = sentence("all of them")
MERCHANT = re.compile("[A-Z]+[0-9]+")
ALL_WORDS = ("all", "all of them", "alla", "alle")


class Kind(NamedTuple):
    """Payouts of one merchant in one currency; in any, where the merchant has had none yet."""

    merchant_id: str
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.currency}".rstrip()


def kinds_seen(draft: Draft) -> Counter[Kind]:
    """How many payouts of each kind the login has seen lately."""
    readable = (it for it in draft.payouts if it.merchant_id and it.currency)
    return Counter(sorted(Kind(it.merchant_id, it.currency) for it in readable))


def twins(draft: Draft) -> dict[str, Klarna]:
    """The other profiles that use the same Klarna login, as they will be."""
    own = draft.profile().klarna
    found: dict[str, Klarna] = {}
    for name in draft.profiles:
        table = with_defaults(draft.others[name], draft.defaults) if name in draft.others else draft.existing(name)
        with contextlib.suppress(ValidationError):  # a broken profile books nothing
            found[name] = profile_of(name, table, complete=True).klarna
    return {
        name: it
        for name, it in found.items()
        if name != draft.name and (it.url, it.username) == (own.url, own.username)
    }


def ask_merchants(draft: Draft) -> None:
    """Write what tells this profile's payouts from others, here and if need be there."""
    prompts, seen, others = draft.prompts, list(kinds_seen(draft)), twins(draft)
    prompts.heading(sentence("This Klarna login has had payouts of several shops or currencies lately:"))
    for number, kind in enumerate(seen, 1):
        takers = [name for name, klarna in others.items() if klarna.covers(*kind)]
        taken = sentence(", in profile {name}", name=", ".join(takers)) if takers else ""
        text = sentence(
            "merchant {merchant}, {currency}; payouts: {count}{taken}",
            merchant=kind.merchant_id,
            currency=kind.currency,
            count=kinds_seen(draft)[kind],
            taken=taken,
        )
        prompts.say(text, indent=2, mark=f"{number}  ")
    free = [kind for kind in seen if not any(klarna.covers(*kind) for klarna in others.values())]
    mine = [kind for kind in seen if draft.covers(*kind)] if _filters_of(draft) else free
    if not set(mine) <= set(free):  # begun with the answers of a profile that keeps its payouts
        mine = free
    default = ",".join(str(seen.index(kind) + 1) for kind in mine) or None
    default = prompts.reader.say(ALL) if mine == seen else default
    if not free:
        prompts.say(NONE_FREE)

    def check(answer: str) -> str:
        chosen = _chosen(answer, seen)
        _apply(draft, sorted({*seen, *chosen}), chosen)
        return answer

    before = copy.deepcopy((draft.table["klarna"], draft.others))
    try:
        prompts.text(sentence("Which of them are this profile's (as 1 or 1,3, or all)"), default, check)
    except BaseException:
        draft.table["klarna"], draft.others = before
        raise


def _filters_of(draft: Draft) -> dict[str, Any]:
    return {
        key: draft.table["klarna"][key] for key in ("merchant_ids", "currencies") if key in draft.table["klarna"]
    }


def _chosen(answer: str, seen: list[Kind]) -> list[Kind]:
    if folded(answer) in ALL_WORDS:
        return seen
    parts = answer.replace(",", " ").split()
    if not parts or not all(_is_listed(part, seen) or MERCHANT.fullmatch(part) for part in parts):
        raise Refused(sentence("give numbers of the list, as in 1,2, or the id of a merchant without payouts"))
    return sorted({seen[int(part) - 1] if _is_listed(part, seen) else Kind(part) for part in parts})


def _is_listed(part: str, seen: list[Kind]) -> bool:
    return part.isdecimal() and 1 <= int(part) <= len(seen)


def _apply(draft: Draft, seen: list[Kind], chosen: list[Kind]) -> None:
    """Raises Refused where no filter lets just these through, or another profile would book them too."""
    filters = _filters(seen, chosen)
    if filters is None:
        raise Refused(
            sentence("merchants and currencies cannot be mixed in that way: make a profile for each of them")
        )
    table = draft.table["klarna"]
    for key in ("merchant_ids", "currencies"):
        table.pop(key, None)
    table.update(filters)
    own = draft.profile().klarna.model_copy(update=filters)
    for name, klarna in twins(draft).items():
        if disjoint(own, klarna):
            continue
        rest = [kind for kind in seen if kind not in chosen and klarna.covers(*kind)]
        for_rest = _filters(seen, rest) if rest else None
        if not for_rest or not disjoint(own, klarna.model_copy(update=for_rest)):
            raise Refused(TWICE.with_values(name=name))
        question = sentence(
            "Profile {name} is not limited yet. Limit it to {kinds}", name=name, kinds=", ".join(map(str, rest))
        )
        if not draft.prompts.yes_no(question, default=True):
            raise Refused(sentence("then {name} would book these payouts too", name=name))
        other = copy.deepcopy(draft.others.get(name, draft.profiles[name]))
        other.setdefault("klarna", {}).update(for_rest)
        draft.others[name] = other


def _filters(seen: Iterable[Kind], chosen: list[Kind]) -> dict[str, list[str]] | None:
    """The settings that let just the chosen kinds through; None where there are none."""
    merchants, currencies = ({kind[place] for kind in chosen if kind[place]} for place in (0, 1))
    if any(kind.merchant_id in merchants and kind.currency in currencies and kind not in chosen for kind in seen):
        return None
    filters: dict[str, list[str]] = {}
    if merchants != {kind.merchant_id for kind in seen}:
        filters["merchant_ids"] = sorted(merchants)
    if currencies and currencies != {kind.currency for kind in seen if kind.currency}:
        if any(not kind.currency for kind in chosen):
            return None
        filters["currencies"] = sorted(currencies)
    return filters


def _answer(draft: Draft) -> str:
    filters = _filters_of(draft)
    return "; ".join(", ".join(values) for values in filters.values()) or draft.prompts.reader.say(
        sentence("all of them")
    )


QUESTIONS = (
    Question(
        "klarna.merchants",
        ask_merchants,
        sentence("Merchants and currencies"),
        _answer,
        applies=lambda draft: len(kinds_seen(draft)) > 1 or bool(kinds_seen(draft) and twins(draft)),
    ),
)
