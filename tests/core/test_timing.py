"""Times of the steps of a request."""

import threading
from contextvars import copy_context

from skiplens.core.timing import TimingRecord, timed


def test_time_is_added_up_by_stage_and_nothing_is_kept_outside() -> None:
    with timed("infer"):
        pass
    with TimingRecord() as record:
        for _ in range(2):
            with timed("render"):
                pass
    assert list(record) == ["render"]
    assert record["render"] > 0


def test_threads_started_with_the_context_are_counted() -> None:
    def work() -> None:
        with timed("encode"):
            pass

    with TimingRecord() as record:
        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()
    assert "encode" in record
