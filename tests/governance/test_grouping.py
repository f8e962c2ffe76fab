"""Grouped work: what arrives while the same work is under way is done together."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from bedrock_flask.governance.grouping import Grouping

PATIENCE = 30


class Work:
    """Work that waits, the first time, until the test lets it go on; it doubles numbers."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def do(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        if -1 in items:
            raise ValueError("there is a -1")
        return [item * 2 for item in items]


def submit_beside(work: Work, grouping: Grouping[int, int], first: int, others: Sequence[int]) -> list[int]:
    """Submit the others while the first is being worked on."""
    with ThreadPoolExecutor(len(others) + 1) as pool:
        begun = [pool.submit(grouping.submit, first)]
        assert work.begun.wait(PATIENCE)
        begun += [pool.submit(grouping.submit, item) for item in others]
        while len(grouping._waiting) < len(others):
            pass
        work.go_on.set()
        return [each.result(PATIENCE) for each in begun]


def test_what_arrives_meanwhile_is_one_group() -> None:
    work = Work()
    grouping = Grouping(work.do)
    assert submit_beside(work, grouping, 1, range(2, 10)) == [2 * item for item in range(1, 10)]
    assert work.groups[0] == [1]
    assert sorted(work.groups[1]) == list(range(2, 10))
    assert len(work.groups) == 2


def test_a_group_has_a_limit_and_the_rest_follows() -> None:
    work = Work()
    grouping = Grouping(work.do, most=3)
    submit_beside(work, grouping, 0, range(1, 8))
    assert [len(group) for group in work.groups] == [1, 3, 3, 1]


def test_an_error_is_the_error_of_its_group_alone() -> None:
    work = Work()
    work.go_on.set()
    grouping = Grouping(work.do)
    with pytest.raises(ValueError, match="there is a -1"):
        grouping.submit(-1)
    assert grouping.submit(4) == 8


def test_many_callers_each_get_their_own_result() -> None:
    work = Work()
    work.go_on.set()
    grouping = Grouping(work.do, most=5)
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(grouping.submit, range(500))) == [2 * item for item in range(500)]
    assert sum(map(len, work.groups)) == 500


def test_a_caller_that_is_ended_before_its_group_begins_takes_no_other_along() -> None:
    looks: list[None] = []

    def expect() -> bool:
        looks.append(None)
        if len(looks) == 1:
            raise KeyboardInterrupt
        return True

    grouping = Grouping(lambda items: [item * 2 for item in items], expects_more=expect)
    with pytest.raises(KeyboardInterrupt):
        grouping.submit(1)
    assert grouping.submit(2) == 4


ENDED = """
from gevent import monkey
monkey.patch_all()
import gevent
from bedrock_flask.governance.grouping import Grouping

def work(items):
    if 1 in items:
        gevent.sleep(0)
        # It is ended when it has just been chosen to lead.
        second.kill(block=False)
    return [item * 2 for item in items]

grouping = Grouping(work)
first, second, third = (gevent.spawn(grouping.submit, item) for item in (1, 2, 3))
print(first.get(timeout=10), third.get(timeout=10), grouping.submit(4))
"""


def test_a_caller_that_is_ended_when_it_is_to_lead_hands_over() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == "2 6 8\n", done.stderr
