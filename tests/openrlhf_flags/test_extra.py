"""`openrlhf.extra`: what passes through, and what is refused."""

import pytest

from tests.openrlhf_flags.configs import online_words
from twogrpo.errors import ConfigError


def test_extra_words_stand_at_the_end():
    given = online_words("openrlhf.extra=[--vllm.sync_backend, gloo, --ds.adam_offload]")
    assert given[-3:] == ["--vllm.sync_backend", "gloo", "--ds.adam_offload"]


def test_a_value_after_an_equal_sign_is_a_word():
    assert online_words("openrlhf.extra=['--ds.zpg=8']")[-2:] == ["--ds.zpg", "8"]


@pytest.mark.parametrize(
    ("given", "word"), [("8", "8"), ("0.5", "0.5"), ("'8'", "8"), ("1.0e-8", "1e-08"), ("-1", "-1")]
)
def test_a_number_is_a_word(given, word):
    assert online_words(f"openrlhf.extra=[--actor.adam.eps, {given}]")[-1] == word


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("[--ds.adam_offload, true]", "openrlhf.extra: found true, but this key does not take true or false"),
        ("[--rollout.batch_size, '8']", "--rollout.batch_size is set by rollout.prompts_per_step; use that key"),
        ("['--rollout.batch_size=8']", "--rollout.batch_size is set by rollout.prompts_per_step; use that key"),
        ("[--algo.kl.init_coef, '1']", "--algo.kl.init_coef is set by twogrpo: there is no KL term"),
        ("[--train.async_enable]", "--train.async_enable is set by openrlhf.mode"),
        ("[--reward.clip_range, '0', '1']", "--reward.clip_range has no place here"),
        ("[--critic.freezing_steps, '5']", "there is no critic"),
        ("[--vllm.enforce_eagre]", r"--vllm.enforce_eagre is no flag of .*; did you mean --vllm.enforce_eager\?"),
        # argparse would take a beginning for the whole, past every check.
        ("[--rollout.batch, '8']", "--rollout.batch is no flag of"),
        ("[gloo]", "begins with 'gloo', expected a flag"),
        ("[--ds.adam_offload, 'yes']", "--ds.adam_offload takes no value, found yes"),
        ("[--ds.zpg]", r"--ds.zpg takes 1 value\(s\), found none"),
        ("[--ds.zpg, '1', '2']", r"--ds.zpg takes 1 value\(s\), found 1 2"),
        ("[--algo.dynamic_filtering_range, '0']", r"takes 2 value\(s\), found 0"),
        ("[--ds.ring_attn_size, two]", "--ds.ring_attn_size takes a whole number above 0, found two"),
    ],
)
def test_a_wrong_word_is_refused(words, says):
    with pytest.raises(ConfigError, match=says):
        online_words(f"openrlhf.extra={words}")
