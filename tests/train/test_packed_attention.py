import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, Qwen2ForCausalLM

from tests.train.small_models import MODELS, PROMPTS, RESPONSES, SHAPE, logps_and_gradients, make
from twogrpo.models import recompute_activations
from twogrpo.train.logprobs import TokenBatch, token_logps
from twogrpo.train.packed_attention import enable_packing, is_packing
from twogrpo.train.packing import PackedBatch

# Float64 models still compute their norms in float32, which rounds where gradients of a shared prompt meet.
ROUNDING = 1e-5


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def padded(name):
    return logps_and_gradients(make(name), TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0))


def packed(name, *, share_prompts, checkpointing=False):
    model = make(name)
    assert enable_packing(model)
    if checkpointing:
        recompute_activations(model)
    batch = PackedBatch.pack(PROMPTS, RESPONSES, share_prompts=share_prompts)
    return logps_and_gradients(model, batch)


def assert_equal(found, expected, atol):
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-12)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def test_a_packed_stream_gives_the_logprobs_and_gradients_of_padded_rows(name):
    assert_equal(packed(name, share_prompts=False), padded(name), atol=1e-12)


def test_so_does_a_stream_with_shared_prompts(name):
    assert_equal(packed(name, share_prompts=True), padded(name), atol=ROUNDING)


def test_so_does_one_whose_layers_are_computed_again_in_the_backward_pass(name):
    assert_equal(packed(name, share_prompts=True, checkpointing=True), padded(name), atol=ROUNDING)


def test_no_sequence_sees_another():
    model = make("qwen2")
    enable_packing(model)
    alone = token_logps(model, PackedBatch.pack(PROMPTS[:1], RESPONSES[:1]), temperature=1.0)[0]
    for row in range(1, len(PROMPTS)):
        both = PackedBatch.pack([PROMPTS[0], PROMPTS[row]], [RESPONSES[0], RESPONSES[row]])
        found = token_logps(model, both, temperature=1.0)[0][0, : alone.shape[1]]
        torch.testing.assert_close(found, alone[0], rtol=0, atol=1e-12)


def test_a_stream_attended_to_as_one_sequence_would_differ():
    model, plain = make("qwen2"), make("qwen2")
    enable_packing(model)
    batch = PackedBatch.pack(PROMPTS, RESPONSES)
    hidden = model.model(
        input_ids=batch.input_ids_N[None],
        attention_mask=torch.zeros(1, 1, 1, 1),
        position_ids=batch.position_ids_N[None],
        rows=batch.rows,
    ).last_hidden_state
    mask = torch.ones(1, len(batch.input_ids_N), dtype=torch.long)
    one = plain.model(
        input_ids=batch.input_ids_N[None], attention_mask=mask, position_ids=batch.position_ids_N[None]
    ).last_hidden_state
    assert not torch.allclose(hidden, one, atol=1e-3)


def test_padded_rows_and_generate_go_on_as_before(name):
    model, plain = make(name).eval(), make(name).eval()
    enable_packing(model)
    batch = TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0)
    assert torch.equal(token_logps(model, batch, temperature=1.0)[0], token_logps(plain, batch, temperature=1.0)[0])
    prompts = torch.tensor([[0, 0, 5], [1, 2, 3]])
    settings = {"attention_mask": (prompts > 0).long(), "max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    assert torch.equal(model.generate(prompts, **settings), plain.generate(prompts, **settings))


def test_what_is_saved_loads_as_any_other_model(tmp_path):
    model = make("qwen2")
    enable_packing(model)
    model.save_pretrained(tmp_path)
    assert "twogrpo" not in (tmp_path / "config.json").read_text()
    assert Qwen2ForCausalLM.from_pretrained(tmp_path).config._attn_implementation == "sdpa"


def test_other_architectures_are_left_alone():
    model = Gemma2ForCausalLM(Gemma2Config(**SHAPE))
    assert not enable_packing(model)
    assert not is_packing(model)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # PEFT asks for it
def test_a_peft_wrapped_model_packs_as_well():
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    wrapped = get_peft_model(make("qwen2"), config).double()
    expected = token_logps(wrapped, TokenBatch.pack(PROMPTS, RESPONSES, pad_id=0), temperature=1.0)[0]
    assert enable_packing(wrapped)
    found = token_logps(wrapped, PackedBatch.pack(PROMPTS, RESPONSES), temperature=1.0)[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
