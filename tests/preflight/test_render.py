from twogrpo.errors import DataError
from twogrpo.preflight.render import render
from twogrpo.preflight.report import Fact, Problem, Report, Section

LONG = " ".join(["word"] * 60)


def lines(*sections, problems=(), is_verbose=False):
    return list(render(Report("online", sections, problems), is_verbose=is_verbose))


def test_names_stand_in_a_column_and_lines_fit_80():
    shown = lines(Section("data", (Fact("rows", 5), Fact("prompt_tokens", {}, LONG)), (LONG,)))
    assert "  rows           5" in shown
    assert max(map(len, shown)) <= 80
    assert any(line.startswith("  warning: ") for line in shown)


def test_a_path_is_never_broken():
    path = "/folder" * 20
    assert any(path in line for line in lines(Section("run folder", (Fact("run_dir", path),))))


def test_a_size_is_named_without_its_unit():
    assert "  peak  5 GB" in lines(Section("memory", (Fact("peak_bytes", 5_000_000_000, "5 GB"),)))


def test_details_are_shown_where_all_is_asked_for():
    section = Section("data", (Fact("rows", 5), Fact("secret", 7, is_detail=True)))
    assert not any("secret" in line for line in lines(section))
    assert any("secret" in line for line in lines(section, is_verbose=True))


def test_what_stands_between_no_break_spaces_is_not_parted():
    text = "   ".join(["1\N{NO-BREAK SPACE}<|im_start|>"] * 12)
    shown = lines(Section("prompt", (Fact("tokens", [], text),)))
    assert sum(line.count("1 <|im_start|>") for line in shown) == 12


def test_the_last_lines_say_whether_it_would_start():
    assert lines()[-1] == "ready to start, 0 warnings"
    refused = lines(problems=(Problem("data", DataError("no rows")),))
    assert refused[-2:] == ["would be refused, 0 warnings", "  x data: no rows"]
