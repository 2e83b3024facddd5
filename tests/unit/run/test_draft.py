"""What draft() makes of a plan: what is sent, what is written down, and what the ledger says before that."""

from klarna24.errors import CredentialsFault
from klarna24.run.outcome import Booked, InDoubt
from tests.support.runs import by_reference, drafted, planned, run_context
from tests.support.shops import OpenShop, Shop, simple

WRONG = {"sale_amount": 100000, "settlement_amount": 1}


def test_a_save_that_fails_before_anything_is_sent_leaves_the_payout_ready(open_shop: OpenShop) -> None:
    """The session ends, and the password has changed: nothing was sent, so that there is no doubt."""
    shop = open_shop(payouts=[simple("A")])
    with run_context(shop) as context:
        context.office.probe()
    shop.box.faults.arm("expire-session", operation="SaveBundleList")
    shop.box.office.password = "changed"
    done = drafted(shop)
    assert isinstance(done.fault, CredentialsFault)
    assert by_reference(done.outcomes) == {"A": "ready"}
    with run_context(shop) as context:
        [record] = context.state.by_reference("shop1", "A")
    assert record.status == "ready"


def older_state(open_shop: OpenShop) -> Shop:
    """The state knows a blocked and a rejected payout. Then a third was drafted, a person booked it, and the state
    was restored from the copy that was made before."""
    shop = open_shop(payouts=[simple("REFUSED", 3), simple("WRONG", 2, **WRONG)])
    shop.box.faults.arm("exception")
    assert by_reference(drafted(shop).outcomes) == {"REFUSED": "rejected", "WRONG": "blocked"}
    restore = shop.backup()
    shop.box.klarna.add(*simple("PROOF", 1))
    assert by_reference(drafted(shop).outcomes)["PROOF"] == "drafted"
    shop.book()
    restore()
    return shop


def test_a_state_older_than_the_ledger_doubts_blocked_and_rejected_payouts_too(open_shop: OpenShop) -> None:
    shop = older_state(open_shop)
    done = {outcome.key.payment_reference: outcome for outcome in drafted(shop).outcomes}
    assert isinstance(done["PROOF"], Booked)
    for reference in ("REFUSED", "WRONG"):
        assert isinstance(done[reference], InDoubt)
        assert "the state is older than the books" in str(done[reference].problem)
    assert by_reference(planned(shop)) == {"REFUSED": "in-doubt", "WRONG": "in-doubt"}, "and it is written down"
    assert not shop.drafts()


def test_what_a_person_ordered_to_be_sent_again_is_not_doubted_by_that(open_shop: OpenShop) -> None:
    shop = older_state(open_shop)
    assert shop.resolve("REFUSED", "--resend").code == 0
    assert by_reference(drafted(shop).outcomes) == {"REFUSED": "drafted", "WRONG": "in-doubt", "PROOF": "booked"}


def test_a_fault_in_the_middle_keeps_what_was_done_and_what_comes_after_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A", 3), simple("B", 2), simple("C", 1)])
    shop.box.faults.arm("limit-exceeded", operation="SaveBundleList", after=1)
    done = drafted(shop)
    assert by_reference(done.outcomes) == {"A": "drafted", "B": "ready", "C": "ready"}
    assert done.fault
    assert done.fault.exit_code == 5
