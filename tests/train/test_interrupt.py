import os
import signal
import threading

import pytest

from twogrpo.train.interrupt import StopOnInterrupt


def test_the_first_interrupt_is_a_request_and_the_second_stops(capfd):
    with StopOnInterrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        assert "press Ctrl-C again" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_termination_is_a_request_as_well():
    with StopOnInterrupt() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_handler_before_comes_back(sent):
    before = signal.getsignal(sent)
    with StopOnInterrupt():
        assert signal.getsignal(sent) != before
    assert signal.getsignal(sent) == before


def test_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with StopOnInterrupt() as stop:
            seen.append((stop.requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
