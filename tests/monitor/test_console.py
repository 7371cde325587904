import io

from twogrpo.monitor import Console


def printed(every_steps, steps, *, is_quiet=False):
    stream = io.StringIO()
    console = Console(every_steps=every_steps, stream=stream, is_quiet=is_quiet)
    for step in range(1, steps + 1):
        console.step(step, steps, {"reward": f"{step / 10:.1f}", "ties": "0.5"}, "online")
    console.close()
    return stream.getvalue().splitlines()


def test_a_line_a_step_where_there_is_no_terminal():
    assert printed(1, 2) == ["online 1/2  reward 0.1  ties 0.5", "online 2/2  reward 0.2  ties 0.5"]


def test_the_first_and_last_step_are_always_printed():
    assert [line.split()[1] for line in printed(4, 10)] == ["1/10", "4/10", "8/10", "10/10"]


def test_quiet_prints_notes_only():
    assert printed(1, 3, is_quiet=True) == []


def test_a_live_bar_in_a_terminal_ends_with_the_last_step():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    console = Console(stream=stream)
    console.step(1, 2, {"reward": "0.1"}, "online")
    console.note("a note")
    console.step(2, 2, {"reward": "0.2"}, "online")
    assert "a note" in stream.getvalue()
    assert "reward 0.2" in stream.getvalue()


def test_a_reader_who_has_gone_does_not_stop_a_run():
    class Gone(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    console = Console(stream=Gone())
    console.note("first")
    console.step(1, 2, {"reward": "1"}, "online")
    console.close()
