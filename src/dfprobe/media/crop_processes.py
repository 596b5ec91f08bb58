"""Clips that are cropped concurrently, each in a process of its own.

dlib's predictor holds Python's lock while it works: threads would wait for each other.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from dfprobe.errors import DataError
from dfprobe.media.clip import Sink, crop_in_pieces
from dfprobe.media.faces import dlib_finder
from dfprobe.store.files import Row

# Takes a clip and where its arrays go; returns its fields of the index.
Cropper = Callable[[Path, Sink], Row]


@contextmanager
def clip_cropper(upsample: int, every: int, processes: int) -> Iterator[Cropper]:
    """Give a function that crops a clip, to be called by ``processes`` threads at once.

    Parameters
    ----------
    upsample, every : int
        As for `dlib_finder` and `crop_in_pieces`.
    processes : int
        1 is this process itself. Others end with the block, or when this one is killed.

    Yields
    ------
    callable
        Does what `crop_in_pieces` does; at most one piece of a clip waits to be taken.
        A process that ends by itself raises `DataError`.
    """
    if processes == 1:
        finder = dlib_finder(upsample)
        yield lambda path, sink: crop_in_pieces(path, finder, every, sink)
        return
    free: SimpleQueue[_Worker] = SimpleQueue()

    def crop(path: Path, sink: Sink) -> Row:
        worker = free.get()
        try:
            return worker.crop(path, sink)
        except BaseException:
            worker.stop()
            worker.start()  # what the old process still had to send is of this clip
            raise
        finally:
            free.put(worker)

    with ExitStack() as stack:
        for _ in range(processes):
            worker = _Worker(upsample, every)
            stack.callback(worker.stop)
            free.put(worker)
        yield crop


class _Worker:
    """A process that crops one clip after the other."""

    def __init__(self, upsample: int, every: int) -> None:
        self._settings = (upsample, every)
        self.start()

    def start(self) -> None:
        """Start the process."""
        # A new interpreter: threads and open files of this one are not taken along.
        context = multiprocessing.get_context("spawn")
        self._connection, its = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(its, *self._settings), daemon=True
        )
        self._process.start()
        its.close()  # so that the end of the process is noticed

    def crop(self, path: Path, sink: Sink) -> Row:
        """Do what `crop_in_pieces` does."""
        try:
            self._connection.send(path)
            while isinstance(message := self._connection.recv(), tuple):
                sink(*message)
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise DataError(
                f"{path}: the process that computed its crops ended with code "
                f"{self._process.exitcode} (-9: killed, as when memory runs out). "
                "What other clips gave is kept; run again, with fewer threads of "
                "make_crops if memory was short."
            ) from error
        return message

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection, upsample: int, every: int) -> None:
    """Crop the clips that are asked for until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other side's business
    finder = dlib_finder(upsample)
    try:
        while True:
            path = connection.recv()
            row = crop_in_pieces(
                path, finder, every, lambda name, rows: connection.send((name, rows))
            )
            connection.send(row)
    except (EOFError, ConnectionError):
        return
