import os
import signal
import threading

import pytest

from twogrpo.train.interrupt import StopOnInterrupt


def test_the_first_interrupt_is_a_request_and_the_second_stops():
    notes = []
    with StopOnInterrupt(notes.append) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        assert "press Ctrl-C again" in notes[0]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handler_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with StopOnInterrupt(print):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with StopOnInterrupt(print) as stop:
            seen.append((stop.requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
