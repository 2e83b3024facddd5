"""What the profiles of a company share of its books, and what they do not."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from klarna24.twentyfour.shared_books import SharedBooks


def test_what_was_read_is_not_read_again() -> None:
    books = SharedBooks()
    answers = iter("ab")
    assert [books.once("chart", lambda: next(answers)) for _ in range(3)] == ["a", "a", "a"]
    assert books.once("years", lambda: next(answers)) == "b"


def test_profiles_side_by_side_wait_for_the_first_answer() -> None:
    books, asked, begun, may_end = SharedBooks(), [], Event(), Event()

    def ask() -> str:
        asked.append(1)
        begun.set()
        may_end.wait(10)
        return "a"

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(books.once, "chart", ask)
        begun.wait(10)
        others = [threads.submit(books.once, "chart", ask) for _ in range(7)]
        may_end.set()
        assert {first.result(), *(it.result() for it in others)} == {"a"}
    assert asked == [1]


def test_a_fault_is_that_of_the_profile_that_met_it_and_the_others_ask_at_the_same_time() -> None:
    books, begun, may_end, together = SharedBooks(), Event(), Event(), Barrier(3)

    def fail() -> str:
        begun.set()
        may_end.wait(10)
        raise ValueError("mine")

    def ask() -> str:
        together.wait(10)  # raises unless all three are here at once
        return "a"

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(books.once, "chart", fail)
        begun.wait(10)
        others = [threads.submit(books.once, "chart", ask) for _ in range(3)]
        may_end.set()
        with pytest.raises(ValueError, match="mine"):
            first.result()
        assert [it.result() for it in others] == ["a"] * 3
