"""The words in which people read of a payout's status."""

from collections.abc import Mapping

from klarna24.state.records import Status
from klarna24.text.sentences import Sentence, joined, sentence

STATUS_WORDS: Mapping[Status, Sentence] = {
    Status.READY: sentence("ready"),
    Status.BLOCKED: sentence("blocked"),
    Status.SENDING: sentence("in doubt"),
    Status.IN_DOUBT: sentence("in doubt"),
    Status.REJECTED: sentence("rejected"),
    Status.DRAFTED: sentence("drafted"),
    Status.BOOKED: sentence("booked"),
    Status.SKIPPED: sentence("skipped"),
}

# What happened, by the word that the state has for it.
EVENT_WORDS: Mapping[str, Sentence] = {
    **{str(status): words for status, words in STATUS_WORDS.items()},
    "seen": sentence("seen"),
    "sending": sentence("sending"),
    "adopted": sentence("adopted"),
    "identified": sentence("identified"),
    "archived": sentence("archived"),
    "changed": sentence("changed"),
    "remark": sentence("remark"),
    "settings": sentence("settings"),
    "rate": sentence("rate"),
    "state new": sentence("state new"),
}


def status_words(status: Status | None) -> Sentence:
    """The words of a status; of None, where the state does not know the payout."""
    return STATUS_WORDS[status] if status else sentence("not drafted")


def counted(counts: Mapping[Status, int]) -> Sentence:
    """``11 drafted, 2 blocked``; empty where there is none."""
    return joined(
        ", ",
        (
            sentence("{count} {status}", count=count, status=STATUS_WORDS[status])
            for status, count in counts.items()
        ),
    )
