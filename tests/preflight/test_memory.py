from dataclasses import replace

import pytest
import torch

from tests.conftest import build_model_folder
from tests.preflight.live_bytes import LiveBytes
from twogrpo.models import load_outline, load_policy
from twogrpo.preflight.memory import ModelShape, Workload, estimate_memory, memory_section
from twogrpo.train.learner import Learner

SHAPE = ModelShape(
    parameters=1_000_000,
    hidden=64,
    intermediate=128,
    layers=2,
    heads=4,
    key_value_heads=2,
    head_dim=16,
    vocabulary=1000,
)
WORK = Workload(
    width=4,
    has_sampler_copy=True,
    gradient_checkpointing=False,
    micro_batch_tokens=512,
    micro_batch_responses=256,
    rows=8,
    row_tokens=64,
    prompt_tokens=16,
    is_on_cpu=True,
)


def test_what_lasts_is_twenty_bytes_a_parameter_and_the_program():
    found = estimate_memory(SHAPE, WORK)
    assert found.lasting - found.program == 20 * SHAPE.parameters
    assert estimate_memory(SHAPE, replace(WORK, has_sampler_copy=False)).sampler_weights == 0
    assert estimate_memory(SHAPE, replace(WORK, has_reference=True)).reference == 4 * SHAPE.parameters


def test_the_peak_has_the_larger_of_the_phases():
    found = estimate_memory(SHAPE, WORK)
    assert found.peak == found.lasting + found.activations + max(found.forward_pass, found.backward_pass)
    sampling = estimate_memory(SHAPE, replace(WORK, rows=1024, row_tokens=4096))
    assert sampling.peak == sampling.lasting + sampling.sampling


def test_training_grows_with_its_tokens_and_checkpointing_shrinks_it():
    found = estimate_memory(SHAPE, WORK)
    twice = replace(WORK, micro_batch_tokens=1024, micro_batch_responses=512)
    assert estimate_memory(SHAPE, twice).activations == 2 * found.activations
    deep = replace(SHAPE, layers=20)
    saved = estimate_memory(deep, replace(WORK, gradient_checkpointing=True)).training
    assert saved < estimate_memory(deep, WORK).training / 4


def test_sampling_stops_growing_at_the_sampler_s_own_limits():
    sizes = [estimate_memory(SHAPE, replace(WORK, rows=rows)).sampling for rows in (512, 1024, 4096)]
    assert sizes[0] < sizes[1] == sizes[2]
    assert estimate_memory(SHAPE, replace(WORK, rows=4096, row_tokens=10**6)).sampling < 5 << 30


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("recomputes", [False, True])
@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "llama"])
def test_training_needs_what_the_learner_s_passes_hold(tmp_path, architecture, recomputes, dtype):
    folder = str(build_model_folder(tmp_path, architecture))
    model = load_policy(folder, device=torch.device("cpu"), gradient_checkpointing=recomputes)
    learner = Learner(model, torch.optim.SGD(model.parameters()), torch.device("cpu"), dtype, pad_id=0)
    learner.zero_gradients()
    prompts, responses = [[5 + row] * 30 for row in range(8)], [[7] * 40 for _ in range(8)]
    with LiveBytes() as live:
        for weight in model.parameters():
            live.leave_out(weight)
            live.leave_out(weight.grad)
        logps_BR, _ = learner.logps(prompts, responses)
        kept = live.now
        logps_BR.sum().backward()
    work = replace(
        WORK,
        width=dtype.itemsize,
        gradient_checkpointing=recomputes,
        micro_batch_tokens=8 * 70,
        micro_batch_responses=8 * 40,
    )
    found = estimate_memory(ModelShape.of(model), work)
    assert found.activations == pytest.approx(kept, rel=0.2)
    assert found.training == pytest.approx(live.peak, rel=0.2)


def test_the_shape_is_read_from_an_outline(model_folder):
    shape = ModelShape.of(load_outline(str(model_folder)))
    assert (shape.hidden, shape.intermediate, shape.layers, shape.heads) == (64, 128, 2, 4)
    assert (shape.key_value_heads, shape.head_dim, shape.vocabulary) == (2, 16, 280)


@pytest.mark.parametrize(
    ("free", "said"), [(10**12, None), (30_000_000 + (700 << 20), "train.token_budget"), (10**6, "smaller model")]
)
def test_too_little_memory_is_said_with_what_helps(free, said):
    found = estimate_memory(SHAPE, replace(WORK, micro_batch_tokens=10**6))
    warnings = memory_section(found, parameters=SHAPE.parameters, device="cpu", free=free).warnings
    assert [said in warning for warning in warnings] == ([] if said is None else [True])


def test_memory_that_cannot_be_told_is_no_warning():
    section = memory_section(estimate_memory(SHAPE, WORK), parameters=1, device="mps", free=None)
    assert section.warnings == ()
    assert section.facts[-1].text == "unknown on mps"


def test_an_adapter_s_weights_alone_have_gradients_and_moments():
    found = estimate_memory(SHAPE, replace(WORK, width=2, trained=1000))
    assert found.weights == 2 * SHAPE.parameters + 4 * 1000
    assert (found.gradients, found.optimizer) == (4 * 1000, 8 * 1000)
    assert found.activations < estimate_memory(SHAPE, replace(WORK, width=2)).activations
    assert found.backward_pass < estimate_memory(SHAPE, replace(WORK, width=2)).backward_pass


def test_an_adapter_s_weights_are_counted_on_the_outline(model_folder):
    from twogrpo import OnlineConfig
    from twogrpo.preflight.model import ModelFound, trained_parameters

    outline = load_outline(str(model_folder))
    parameters = ModelShape.of(outline).parameters
    keys = ["model.path=m", "data.path=d", "model.lora.rank=2", "model.lora.targets=[q_proj]"]
    found = trained_parameters(OnlineConfig.load(None, keys), ModelFound(None, outline))
    # Two layers, from 64 down to 2 and up to 64.
    assert found == 2 * (64 * 2 + 2 * 64)
    assert ModelShape.of(outline).parameters == parameters
