import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.train.small_models import SHAPE, VOCABULARY
from twogrpo.errors import ConfigError, DataError
from twogrpo.train.logprobs import TokenBatch, token_logps

MODELS = {
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE, tie_word_embeddings=True)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SHAPE, tie_word_embeddings=False)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=False)),
}
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9], [10, 11]]
RESPONSES = [[12, 13], [14, 15, 16, 17, 18, 19], [], [20]]


def make(name, dtype=torch.float64):
    torch.manual_seed(0)
    return MODELS[name]().to(dtype).eval()


@pytest.fixture(params=MODELS)
def model(request):
    return make(request.param)


@pytest.fixture
def qwen():
    return make("qwen2")


def pack(prompts=PROMPTS, responses=RESPONSES, pad_id=0):
    return TokenBatch.pack(prompts, responses, pad_id=pad_id)


def naive(model, prompt, response, temperature=1.0):
    """The whole logits of one unpadded sequence, through the model's own forward."""
    ids = torch.tensor([prompt + response])
    logps_TV = (model(ids).logits[0] / temperature).log_softmax(-1)
    positions = range(len(prompt) - 1, ids.shape[1] - 1)
    return (
        torch.stack([logps_TV[position, ids[0, position + 1]] for position in positions])
        if response
        else torch.empty(0)
    )


def rows_of(logps_BR, mask_BR):
    return [row[mask] for row, mask in zip(logps_BR, mask_BR, strict=True)]


def gradient(model, batch, **settings):
    model.zero_grad()
    logps_BR, mask_BR = token_logps(model, batch, temperature=0.7, **settings)
    weights_BR = torch.linspace(-1, 1, logps_BR.numel(), dtype=logps_BR.dtype).reshape(logps_BR.shape)
    (logps_BR * weights_BR * mask_BR).sum().backward()
    return logps_BR.detach(), {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_equal_to_the_models_own_log_softmax_in_float64(model, temperature):
    found = rows_of(*token_logps(model, pack(), temperature=temperature))
    for row, prompt, response in zip(found, PROMPTS, RESPONSES, strict=True):
        torch.testing.assert_close(
            row, naive(model, prompt, response, temperature), rtol=0, atol=1e-10, check_dtype=bool(response)
        )


@pytest.mark.parametrize("name", MODELS)
def test_equal_to_the_models_own_log_softmax_in_float32(name):
    model = make(name, torch.float32)
    for row, prompt, response in zip(
        rows_of(*token_logps(model, pack(), temperature=1.0)), PROMPTS, RESPONSES, strict=True
    ):
        torch.testing.assert_close(row, naive(model, prompt, response), rtol=0, atol=1e-5)


def test_the_mask_counts_each_responses_tokens_from_column_zero(qwen):
    logps_BR, mask_BR = token_logps(qwen, pack(), temperature=1.0)
    assert mask_BR.tolist() == [[column < len(response) for column in range(6)] for response in RESPONSES]
    assert not logps_BR[~mask_BR].any()


@pytest.mark.parametrize("chunk_tokens", [1, 2, 4, 8, 9, 100])
def test_chunks_change_neither_logprobs_nor_gradients(model, chunk_tokens):
    logps_BR, gradients = gradient(model, pack())
    chunked_BR, chunked = gradient(model, pack(), chunk_tokens=chunk_tokens)
    torch.testing.assert_close(chunked_BR, logps_BR, rtol=0, atol=1e-12)
    for name, expected in gradients.items():
        torch.testing.assert_close(chunked[name], expected, rtol=0, atol=1e-10)


class LogitRows(TorchDispatchMode):
    """Notes how many rows every tensor of the vocabulary's width has, weights apart."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.shape[1:] == (VOCABULARY,):
            self.seen.add(result.shape[0])
        return result


@pytest.mark.parametrize("with_entropy", [False, True])
def test_chunks_bound_the_logits_that_exist_at_once(qwen, with_entropy):
    with LogitRows() as rows:
        logps_BR, *_ = token_logps(qwen, pack(), temperature=1.0, chunk_tokens=4, with_entropy=with_entropy)
        logps_BR.sum().backward()
    # The head's transposed weight is as wide; nine response tokens are three even chunks of at most four.
    assert rows.seen - {SHAPE["hidden_size"]} == {3}


def test_the_head_runs_on_response_tokens_only(qwen):
    with LogitRows() as rows:
        token_logps(qwen, pack(), temperature=1.0)
    assert rows.seen - {SHAPE["hidden_size"]} == {9}


def test_gradients_equal_those_of_the_naive_computation(model):
    _, gradients = gradient(model, pack(PROMPTS[:1], RESPONSES[:1]))
    model.zero_grad()
    (naive(model, PROMPTS[0], RESPONSES[0], 0.7) * torch.tensor([-1.0, 1.0])).sum().backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(gradients[name], weight.grad, rtol=0, atol=1e-10)


def test_padding_does_not_matter(model):
    together = rows_of(*token_logps(model, pack(), temperature=1.0))
    for row, prompt, response in zip(together, PROMPTS, RESPONSES, strict=True):
        alone = rows_of(*token_logps(model, pack([prompt], [response]), temperature=1.0))[0]
        torch.testing.assert_close(row, alone, rtol=0, atol=1e-10)


def test_the_padding_token_does_not_matter(model):
    first, second = (gradient(model, pack(pad_id=pad_id)) for pad_id in (0, 36))
    torch.testing.assert_close(first[0], second[0], rtol=0, atol=1e-12)
    for name in first[1]:
        torch.testing.assert_close(first[1][name], second[1][name], rtol=0, atol=1e-12)


def test_given_positions_are_used(qwen):
    batch = pack()
    counted = torch.arange(batch.input_ids_BT.shape[1]).expand_as(batch.input_ids_BT)
    given = TokenBatch(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT, counted)
    expected = token_logps(qwen, batch, temperature=1.0)[0]
    torch.testing.assert_close(token_logps(qwen, given, temperature=1.0)[0], expected, rtol=0, atol=1e-12)
    moved = TokenBatch(batch.input_ids_BT, batch.attention_mask_BT, batch.response_mask_BT, 2 * counted)
    assert not torch.allclose(token_logps(qwen, moved, temperature=1.0)[0], expected)


@pytest.mark.parametrize("chunk_tokens", [None, 2])
def test_entropy_by_definition(model, chunk_tokens):
    _, mask_BR, entropy_BR = token_logps(model, pack(), temperature=0.7, with_entropy=True, chunk_tokens=chunk_tokens)
    logps_TV = (model(torch.tensor([PROMPTS[3] + RESPONSES[3]])).logits[0] / 0.7).log_softmax(-1)
    torch.testing.assert_close(entropy_BR[3, 0], -(logps_TV.exp() * logps_TV).sum(-1)[1], rtol=0, atol=1e-10)
    assert not entropy_BR[~mask_BR].any()


def test_temperature_zero_is_read_as_one(qwen):
    assert torch.equal(token_logps(qwen, pack(), temperature=0)[0], token_logps(qwen, pack(), temperature=1)[0])


def test_numbers_are_float32_under_bfloat16_autocast():
    model = make("qwen2", torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logps_BR, _ = token_logps(model, pack(), temperature=1.0, chunk_tokens=4)
    logps_BR.sum().backward()
    assert logps_BR.dtype == torch.float32
    torch.testing.assert_close(logps_BR, token_logps(model, pack(), temperature=1.0)[0], rtol=0, atol=0.5)


def test_a_batch_without_response_tokens_has_no_columns_and_can_be_differentiated(qwen):
    logps_BR, mask_BR = token_logps(qwen, pack([[1, 2], [3]], [[], []]), temperature=1.0)
    assert logps_BR.shape == mask_BR.shape == (2, 0)
    logps_BR.sum().backward()


def test_pack_lays_rows_out_from_the_left():
    batch = pack([[1, 2], [3]], [[4], [5, 6, 7]], pad_id=9)
    assert batch.input_ids_BT.tolist() == [[1, 2, 4, 9], [3, 5, 6, 7]]
    assert batch.attention_mask_BT.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert batch.response_mask_BT.tolist() == [[False, False, True, False], [False, True, True, True]]


def test_a_prompt_without_tokens_is_refused_by_row():
    with pytest.raises(DataError, match="prompt 1 has no tokens"):
        pack([[1], []], [[2], [3]])


@pytest.mark.parametrize(("prompts", "responses"), [([], []), ([[1]], [])])
def test_rows_that_do_not_match_are_refused(prompts, responses):
    with pytest.raises(DataError, match="expected one response a prompt"):
        pack(prompts, responses)


def test_settings_out_of_range_are_refused(qwen):
    with pytest.raises(ConfigError, match="temperature=-1 is negative"):
        token_logps(qwen, pack(), temperature=-1)
    with pytest.raises(ConfigError, match="chunk_tokens=0 must be at least 1"):
        token_logps(qwen, pack(), temperature=1.0, chunk_tokens=0)


def test_an_architecture_that_transforms_its_logits_is_refused():
    model = Gemma2ForCausalLM(Gemma2Config(**SHAPE))
    with pytest.raises(ConfigError, match=r"Gemma2ForCausalLM changes its logits .*final_logit_softcapping=30.0"):
        token_logps(model, pack(), temperature=1.0)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # PEFT asks for it
def test_a_peft_wrapped_model_runs_with_its_adapter(qwen):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    base = token_logps(qwen, pack(), temperature=1.0)[0].detach()
    wrapped = get_peft_model(qwen, config).double().eval()
    found = rows_of(*token_logps(wrapped, pack(), temperature=1.0))
    assert not torch.allclose(found[0], base[0, :2])
    torch.testing.assert_close(found[0], naive(wrapped, PROMPTS[0], RESPONSES[0]), rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # as above
@pytest.mark.parametrize("chunk_tokens", [None, 2])
def test_a_head_with_an_adapter_is_called_as_it_is(chunk_tokens):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False)
    wrapped = get_peft_model(make("llama"), config).double().eval()
    found = rows_of(*token_logps(wrapped, pack(), temperature=1.0, chunk_tokens=chunk_tokens))
    torch.testing.assert_close(found[0], naive(wrapped, PROMPTS[0], RESPONSES[0]), rtol=0, atol=1e-10)
