"""Iterators that run ahead on threads of their own, in bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")

_END = object()
_LOOK_S = 0.1  # how often a waiting thread looks whether it is still wanted


def prefetched(
    sources: Iterable[Callable[[], Iterator[T]]], threads: int, depth: int
) -> Iterator[T]:
    """Items of all sources, source after source, made ahead on threads.

    Parameters
    ----------
    sources : iterable of callable
        Each gives an iterator; one thread runs it from its first item to its last.
    threads : int
        Sources that are read concurrently.
    depth : int
        Items of each source that may wait to be taken.

    Yields
    ------
    T
        In order. An error of a source is raised where its next item would be.
    """
    stop = threading.Event()
    waiting: deque[tuple[Queue, Future]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="prefetch") as pool:
        try:
            for source in sources:
                queue: Queue = Queue(depth)
                waiting.append((queue, pool.submit(_run, source, queue, stop)))
                if len(waiting) > threads:
                    yield from _taken(*waiting.popleft())
            while waiting:
                yield from _taken(*waiting.popleft())
        finally:
            stop.set()


def _run(
    source: Callable[[], Iterator[T]], queue: Queue, stop: threading.Event
) -> None:
    try:
        for item in source():
            _put(queue, item, stop)
            if stop.is_set():
                return
    finally:
        _put(queue, _END, stop)


def _put(queue: Queue, item: object, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            return queue.put(item, timeout=_LOOK_S)
        except Full:
            continue


def _taken(queue: Queue, run: Future) -> Iterator:
    while (item := queue.get()) is not _END:
        yield item
    run.result()  # raises what the source raised
