import threading
from functools import partial
from itertools import count, islice

import pytest

from dfprobe.features.prefetch import prefetched


def numbers(first, length):
    return iter(range(first, first + length))


@pytest.mark.parametrize("threads", [1, 3])
def test_items_come_in_the_order_of_the_sources(threads):
    sources = [partial(numbers, 10 * n, n) for n in range(6)]
    expected = [item for source in sources for item in source()]
    assert list(prefetched(sources, threads, depth=2)) == expected


def test_no_source_gives_nothing():
    assert list(prefetched([], 2, 2)) == []


def test_an_error_comes_where_the_next_item_would_be():
    def broken():
        yield 3
        raise ValueError("no more")

    items = prefetched([partial(numbers, 0, 3), broken, partial(numbers, 9, 1)], 2, 2)
    assert list(islice(items, 4)) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_a_source_runs_ahead_of_who_takes_its_items():
    made = threading.Event()

    def second():
        made.set()
        yield 2

    items = prefetched([partial(numbers, 1, 1), second], 2, 1)
    assert next(items) == 1
    assert made.wait(timeout=30)
    assert list(items) == [2]


def test_no_more_items_wait_than_allowed():
    made = []

    def endless():
        for number in count():
            made.append(number)
            yield number

    items = prefetched([endless], threads=1, depth=3)
    assert next(items) == 0
    items.close()  # waits for the thread, which may not run on
    assert len(made) <= 1 + 3 + 1 + 1  # taken, waiting, being put, seen before the stop


def test_who_stops_early_stops_the_threads():
    before = threading.active_count()
    items = prefetched([partial(numbers, 0, 1000)] * 3, threads=2, depth=1)
    assert next(items) == 0
    items.close()
    assert threading.active_count() == before
