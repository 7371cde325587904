import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pyarrow as pa
import pytest

from twogrpo.errors import VerifyError
from twogrpo.verifier import VERIFIER_VERSION, Verdict, answer_kinds, explain, verifier_name, verify, verify_batch

PROFILES = ["rl", "eval", "strict", "string", "math_verify"]
RESPONSES = [r"so \boxed{\frac12}", r"\boxed{47+86}", "no answer", r"\boxed{x", r"\boxed{}", r"\boxed{7}"]
GOLDS = ["0.5", "133", "1", "1", "1", r"\oint f"]
STATUSES = ["match", "unevaluated", "no_answer", "unclosed", "empty", "unparsable_gold"]

# Labelled as different, and yet the same: the labels are what other graders agree on, which read no `4e33`, no Greek
# letter in Unicode, no complex fraction and no subscript digit.
EQUAL_ALL_THE_SAME = {
    "skyp/minerva_math/15-d813c7",
    "skyp/minerva_math/85-3a20ee",
    "skyp/minerva_math/179-9f5421",
    "skyp/minerva_math/194-27e079",
    "skyp/minerva_math/197-08ab9b",
    "skyp/minerva_math/218-59e0d9",
    "skyp/minerva_math/263-a07cdf",
    "skyp/minerva_math/85-d17eca",
    "skyp/minerva_math/109-0ee2fc",
    "skyp/minerva_math/116-96e08b",
    "skyp/minerva_math/171-ea0131",
    "skyp/minerva_math/85-4c955d",
    "skyp/minerva_math/129-50b4d5",
    "skyp/minerva_math/136-18da08",
    "skyp/minerva_math/171-8917f1",
    "skyp/minerva_math/184-48cd42",
    "zeroeval/487-1fcdb0",
    # Identical texts that an annotator judged by more than the text.
    "gpqa_human/rec0Arme2jcXQZnAW-bdb3d6",
    "gpqa_human/recQiWOxhkXRz9NVE-899c79",
    # A suite for comparison as text, in which the order of a list counts.
    "hendrycks/test_decimals#1",
}


def test_a_verdict_says_what_happened():
    verdict = verify(r"π: so \boxed{\frac12}", "0.5")
    assert (verdict.correct, verdict.status, verdict.rule, verdict.reward) == (True, "match", "number", 1.0)
    assert (verdict.extracted, verdict.extraction, verdict.candidates) == (r"\frac12", "boxed", 1)
    assert (verdict.pred_form, verdict.gold_form, verdict.profile) == ("1/2", "1/2", "rl")
    assert verdict.fuel > 0


def test_the_span_counts_characters():
    response = r"π: so \boxed{\frac12}"
    start, end = verify(response, "0.5").span
    assert response[start:end] == r"\frac12"


def test_a_verdict_cannot_be_changed():
    with pytest.raises(AttributeError):
        verify("1", "1").correct = True


def test_a_verdict_shows_itself():
    assert repr(verify(r"\boxed{2}", "1")) == (
        'Verdict(correct=False, status="mismatch", rule="number", extracted="2", reward=0.0)'
    )


def test_equal_verdicts_are_equal():
    assert verify(r"\boxed{2}", "1") == verify(r"\boxed{2}", "1")
    assert verify(r"\boxed{2}", "1") != verify(r"\boxed{1}", "1")


def test_a_verdict_is_the_exported_class():
    assert isinstance(verify("1", "1"), Verdict)


@pytest.mark.parametrize(("response", "gold", "status"), list(zip(RESPONSES, GOLDS, STATUSES, strict=True)))
def test_each_status(response, gold, status):
    assert verify(response, gold).status == status


def test_a_bare_answer_is_not_searched():
    verdict = verify(r"$\frac12$", "0.5", mode="answer")
    assert (verdict.correct, verdict.extraction) == (True, None)


def test_any_of_several_golds():
    assert verify(r"\boxed{3}", ["2", "3"]).correct
    assert not verify(r"\boxed{4}", ["2", "3"]).correct


def test_only_a_failure_to_judge_has_no_reward():
    assert verify(r"\boxed{7}", r"\oint f").reward is None
    assert verify(r"\boxed{\oint f}", "7").reward == 0.0


def test_profiles_extract_and_compare_differently():
    correct = {profile: verify("The answer is 47+86.", "133", profile=profile).correct for profile in PROFILES}
    assert correct == {"rl": False, "eval": True, "strict": False, "string": False, "math_verify": True}


@pytest.mark.parametrize("call", [verify, verify_batch])
def test_an_unknown_profile_names_all_five(call):
    with pytest.raises(VerifyError) as caught:
        call(["1"] if call is verify_batch else "1", ["1"], profile="lenient")
    assert all(profile in str(caught.value) for profile in PROFILES)


def test_an_unknown_mode_is_refused():
    with pytest.raises(VerifyError, match="use one of response, answer, text"):
        verify("1", "1", mode="essay")


@pytest.mark.parametrize(
    ("gold", "mode", "status"),
    [
        ("2 + 3 gives 5.\n#### 5", "response", "unparsable_gold"),
        ("2 + 3 gives 5.\n#### 5", "text", "match"),
        (r"Here $a = 3$, so it is \boxed{5}.", "text", "match"),
        ("thus $5$", "text", "match"),
        # A bare gold stays what it is: no number and no formula is cut out of it.
        ("5", "text", "match"),
        (r"x \in [2,5]", "text", "mismatch"),
        ("$4$ and $5$", "text", "mismatch"),
    ],
)
def test_a_gold_in_prose_is_searched_in_mode_text(gold, mode, status):
    single = verify(r"so \boxed{5}", gold, mode=mode)
    assert single.status == status
    assert verify_batch([r"so \boxed{5}"], [gold], mode=mode)["status"].to_list() == [status]


def test_a_searched_gold_is_explained():
    assert verify(r"\boxed{5}", "2 + 3 gives 5.\n#### 5.0", mode="text").gold_form == "5"


def test_in_mode_text_a_reward_still_needs_a_box():
    assert verify("it is 5", "#### 5", mode="text").status == "no_answer"
    assert verify("it is 5", "#### 5", mode="text", profile="eval").correct


def test_the_verifier_s_name_holds_version_and_profile():
    assert verifier_name("rl") == f"twogrpo@{VERIFIER_VERSION}:rl"
    with pytest.raises(VerifyError, match="math_verify"):
        verifier_name("lenient")


def test_a_batch_has_the_columns_of_the_store():
    schema = verify_batch(RESPONSES, GOLDS).schema
    assert schema == {
        "correct": pl.Boolean,
        "status": pl.String,
        "rule": pl.String,
        "extracted": pl.String,
        "reward": pl.Float32,
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_batch_equals_single_calls(profile):
    responses, golds = RESPONSES * 50, GOLDS * 50
    batch = verify_batch(responses, golds, profile=profile).rows(named=True)
    singles = [verify(response, gold, profile=profile) for response, gold in zip(responses, golds, strict=True)]
    assert batch == [{name: getattr(single, name) for name in batch[0]} for single in singles]


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        pl.Series,
        pa.array,
        lambda texts: pa.array(texts, pa.large_string()),
        lambda texts: pa.array(texts, pa.string_view()),
        lambda texts: pa.chunked_array([texts[:2], texts[2:]]),
        lambda texts: pl.Series(texts).cast(pl.Categorical).cast(pl.String),
    ],
)
def test_any_layout_of_text_is_read(wrap):
    assert verify_batch(wrap(RESPONSES), wrap(GOLDS))["status"].to_list() == STATUSES


@pytest.mark.parametrize("wrap", [list, pl.Series, pa.array, lambda rows: pa.array(rows, pa.large_list(pa.string()))])
def test_golds_may_be_lists(wrap):
    golds = wrap([["1", "2"], ["3"], []])
    batch = verify_batch([r"\boxed{2}"] * 3, golds)
    assert batch["status"].to_list() == ["match", "mismatch", "unparsable_gold"]


def test_golds_may_be_a_slice_of_a_longer_array():
    golds = pa.array([["9"], ["1"], ["2", "3"]]).slice(1)
    assert verify_batch([r"\boxed{1}", r"\boxed{3}"], golds)["correct"].to_list() == [True, True]


def test_lists_and_single_golds_may_be_mixed():
    assert verify_batch([r"\boxed{1}", r"\boxed{2}"], ["1", ["3", "2"]])["correct"].all()


@pytest.mark.parametrize("gold", [None, "", " \n", [], [None]])
@pytest.mark.parametrize("response", [r"\boxed{1}", "no answer", r"\boxed{"])
def test_without_a_gold_no_response_is_judged(gold, response):
    golds = pl.Series([gold], dtype=pl.List(pl.String) if isinstance(gold, list) else pl.String)
    verdict = verify_batch([response], golds).row(0, named=True)
    assert (verdict["status"], verdict["reward"]) == ("unparsable_gold", None)


def test_a_null_among_several_golds_is_left_out():
    assert verify_batch([r"\boxed{1}"], [[None, "1"]])["correct"].to_list() == [True]


def test_the_kinds_of_answers():
    answers = ["3", "0.5", r"\frac12", "x=3", "[0,1)", r"\text{Tuesday}", "", r"\oint f"]
    kinds = ["integer", "decimal", "fraction", "equation", "interval", "text", "empty", "unknown"]
    assert answer_kinds(answers) == kinds
    assert answer_kinds(pa.array(answers)) == kinds
    assert answer_kinds([]) == []


def test_a_null_answer_has_no_kind():
    with pytest.raises(VerifyError, match="row 0 of answers is null"):
        answer_kinds([None])


def test_an_empty_batch_gives_an_empty_frame():
    assert verify_batch([], []).shape == (0, 5)


def test_a_null_response_is_named_by_its_row():
    with pytest.raises(VerifyError, match="row 1 of responses is null"):
        verify_batch(["1", None], ["1", "1"])


def test_lengths_must_agree():
    with pytest.raises(VerifyError, match="responses has 2 rows and golds 1"):
        verify_batch(["1", "2"], ["1"])


@pytest.mark.parametrize("responses", ["1", [1], pl.Series([1]), pa.array([1.5])])
def test_what_is_no_column_of_text_is_refused(responses):
    with pytest.raises(VerifyError, match="responses"):
        verify_batch(responses, ["1"])


def test_an_explanation_names_everything():
    text = explain(verify(r"\boxed{47+86} or \boxed{2^8}", "256"), "256")
    where = "boxed, characters 24 to 27, 2 distinct candidates"
    for part in ("rl", where, "2^8", "256", "unevaluated", "number", "steps"):
        assert part in text


def test_an_explanation_of_nothing_found():
    assert "no_answer" in explain(verify("hm", "1"), ["1", "2"])


def test_import_loads_no_polars():
    script = "import sys, twogrpo.verifier; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_threads_racing_agree():
    responses, golds = RESPONSES * 100, GOLDS * 100
    expected = verify_batch(responses, golds)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: verify_batch(responses, golds), range(64)))
    assert all(result.equals(expected) for result in results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_forked_after_use_does_not_hang():
    # Polars has threads of its own that do not survive a fork, so the child reads the core's table with pyarrow.
    script = """
import os, sys
import pyarrow as pa
from twogrpo import _core
responses, golds = pa.array([r"\\boxed{1}"] * 1000), pa.array(["1"] * 1000)
def count():
    return pa.table(_core.verify_batch(responses, golds, "rl", "response"))["correct"].to_pylist().count(True)
assert count() == 1000
child = os.fork()
if child == 0:
    os._exit(0 if count() == 1000 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("threads", "code"), [("1", 0), ("3", 0), ("0", 2), ("many", 2)])
def test_the_number_of_threads_is_read_and_checked(threads, code):
    script = """
import sys
from twogrpo.errors import ConfigError
from twogrpo.verifier import verify_batch
try:
    verify_batch(["1"] * 100, ["1"] * 100)
except ConfigError as error:
    sys.exit(2 if "TWOGRPO_NUM_THREADS" in str(error) else 1)
"""
    environment = {**os.environ, "TWOGRPO_NUM_THREADS": threads}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == code


def test_a_signal_ends_a_long_batch():
    class StopError(Exception):
        pass

    def stop(*_):
        raise StopError

    responses = pl.Series([r"\boxed{x^2-1}"]).new_from_index(0, 400_000)
    golds = pl.Series(["(x+1)(x-1)"]).new_from_index(0, 400_000)
    before = signal.signal(signal.SIGTERM, stop)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    try:
        timer.start()
        with pytest.raises(StopError):
            verify_batch(responses, golds)
    finally:
        timer.join()
        signal.signal(signal.SIGTERM, before)


def exam_rows(shared_material, *modes):
    lines = (shared_material / "verify" / "EXAM.jsonl").read_text().rstrip("\n").split("\n")
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["mode"] in modes and not row.get("policy")]


def judged(rows, profile, mode):
    texts = [row.get("pred", row.get("response", "")) for row in rows]
    return verify_batch(texts, [row["gold"] for row in rows], profile=profile, mode=mode)["correct"].to_list()


@pytest.mark.parametrize(("modes", "mode"), [(("pair",), "answer"), (("full", "text"), "response")])
def test_nothing_false_earns_a_reward(shared_material, modes, mode):
    rows = [row for row in exam_rows(shared_material, *modes) if not row.get("expected_rl", row["expected"])]
    rewarded = {row["id"] for row, correct in zip(rows, judged(rows, "rl", mode), strict=True) if correct}
    assert rewarded <= EQUAL_ALL_THE_SAME


@pytest.mark.parametrize(("profile", "floor"), [("rl", 0.97), ("eval", 0.98)])
def test_recall_on_real_pairs(shared_material, profile, floor):
    rows = [
        row
        for row in exam_rows(shared_material, "pair")
        if row["set"] in {"consensus_real_pairs", "adjudicated"}
        and row["expected"]
        and (profile == "eval" or row.get("expected_rl", True))
    ]
    correct = judged(rows, profile, "answer")
    assert sum(correct) / len(correct) >= floor


def test_every_adversarial_row_is_judged_right(shared_material):
    rows = [row for row in exam_rows(shared_material, "pair") if row["set"] == "adversarial"]
    correct = judged(rows, "eval", "answer")
    wrong = [row["id"] for row, found in zip(rows, correct, strict=True) if found != row["expected"]]
    assert wrong == []


def test_gold_answers_of_gsm8k_verify_as_themselves(shared_material):
    lines = (shared_material / "data" / "gsm8k_train.jsonl").read_text().rstrip("\n").split("\n")
    golds = [json.loads(line)["answer"].split("####")[-1].strip() for line in lines]
    responses = [rf"\boxed{{{gold}}}" for gold in golds]
    assert verify_batch(responses, golds)["reward"].eq(1.0).all()
    assert verify_batch(responses, [gold.replace(",", "") for gold in golds])["correct"].all()


@pytest.mark.parametrize(
    "judge",
    [
        lambda: verify("\udcff", "1"),
        lambda: verify("1", "\udcff"),
        lambda: verify_batch(["\udcff"], ["1"]),
        lambda: verify_batch(["1"], [["\udcff"]]),
    ],
)
def test_half_a_surrogate_pair_is_an_error_of_ours(judge):
    with pytest.raises(VerifyError, match="not text that UTF-8 can hold"):
        judge()
