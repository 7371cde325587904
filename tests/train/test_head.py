import pytest
import torch
from torch import nn

from tests.preflight.live_bytes import LiveBytes
from twogrpo.errors import DataError
from twogrpo.train.head import LogitsTile, head_values

TOKENS, WIDTH, VOCABULARY = 11, 6, 19
ALL = LogitsTile(50, 50)
TILES = [LogitsTile(1, VOCABULARY), LogitsTile(TOKENS, 1), LogitsTile(4, 5), LogitsTile(4, 19), LogitsTile(11, 7), ALL]


def make(dtype=torch.float64, *, bias=True):
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, VOCABULARY, bias=bias).to(dtype)
    hidden_NH = torch.randn(TOKENS, WIDTH, dtype=dtype, requires_grad=True)
    return head, hidden_NH, torch.randint(VOCABULARY, (TOKENS,))


def plain(head, hidden_NH, targets_N, temperature):
    logps_NV = (head(hidden_NH) / temperature).log_softmax(-1)
    return logps_NV.gather(1, targets_N[:, None]).squeeze(1), -(logps_NV.exp() * logps_NV).sum(-1)


def gradients(values, head, hidden_NH):
    logps_N, entropies_N = values
    weights_N = torch.linspace(-1, 2, TOKENS, dtype=logps_N.dtype)
    loss = (logps_N * weights_N).sum() + (0 if entropies_N is None else (entropies_N * weights_N.flip(0)).sum())
    return torch.autograd.grad(loss, [hidden_NH, *head.parameters()])


@pytest.mark.parametrize("tile", TILES, ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_log_softmax(tile, temperature, bias):
    head, hidden_NH, targets_N = make(bias=bias)
    settings = {"temperature": temperature, "with_entropy": True, "tile": tile}
    found = head_values(head, hidden_NH, targets_N, **settings)
    expected = plain(head, hidden_NH, targets_N, temperature)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for ours, theirs in zip(gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    head, hidden_NH, targets_N = make()

    def values(hidden, weight, bias):
        module = nn.Linear(WIDTH, VOCABULARY).double()
        module.weight, module.bias = nn.Parameter(weight), nn.Parameter(bias)
        del module.weight, module.bias
        module.weight, module.bias = weight, bias
        return head_values(module, hidden, targets_N, temperature=0.9, with_entropy=True, tile=LogitsTile(3, 8))

    inputs = (hidden_NH, head.weight.detach().requires_grad_(), head.bias.detach().requires_grad_())
    assert torch.autograd.gradcheck(values, inputs)


def test_without_entropy_the_gradient_is_that_of_the_logprobs():
    head, hidden_NH, targets_N = make()
    found = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=LogitsTile(4, 8))
    assert found[1] is None
    expected = plain(head, hidden_NH, targets_N, 1.0)[0], None
    for ours, theirs in zip(gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_a_frozen_head_costs_no_gradient():
    head, hidden_NH, targets_N = make()
    head.requires_grad_(requires_grad=False)
    logps_N, _ = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=LogitsTile(4, 8))
    logps_N.sum().backward()
    assert head.weight.grad is None
    assert hidden_NH.grad.abs().sum() > 0


def test_under_autocast_the_logits_are_narrow_and_the_gradients_as_wide_as_the_weights():
    head, hidden_NH, targets_N = make(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=LogitsTile(4, 8))
        expected = plain(head, hidden_NH, targets_N, 1.0)[0], None
    assert found[0].dtype == torch.float32
    torch.testing.assert_close(found[0], expected[0].float(), rtol=0, atol=2e-2)
    ours, theirs = gradients(found, head, hidden_NH), gradients(expected, head, hidden_NH)
    assert [slope.dtype for slope in ours] == [torch.float32] * 3
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=5e-2)


def long_gradients(module_dtype, autocast, tile):
    """Gradients of 832 tokens' logprobs; the same numbers whatever the types."""
    torch.manual_seed(0)
    head, hidden_NH = nn.Linear(32, 512), torch.randn(832, 32)
    targets_N, weights_N = torch.randint(512, (832,)), torch.randn(832)
    head, hidden_NH = head.to(module_dtype), hidden_NH.to(module_dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logps_N, _ = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=tile)
    return torch.autograd.grad((logps_N * weights_N).sum(), [hidden_NH, *head.parameters()])


@pytest.mark.parametrize("module_dtype", [torch.float32, torch.bfloat16])
def test_in_bfloat16_many_tiles_are_no_further_from_the_gradient_than_one(module_dtype):
    exact = long_gradients(torch.float32, autocast=False, tile=LogitsTile(832, 512))
    one, many = (
        long_gradients(module_dtype, autocast=module_dtype == torch.float32, tile=tile)
        for tile in (LogitsTile(832, 512), LogitsTile(16, 48))
    )
    for slopes, single, tiled in zip(exact, one, many, strict=True):
        assert single.dtype == tiled.dtype == module_dtype
        allowed = 1.1 * float((single - slopes).norm())
        assert 0 < float((tiled - slopes).norm()) <= allowed <= 0.005 * float(slopes.norm())


@pytest.mark.parametrize("entries", [1, 2, 3])
@pytest.mark.parametrize("logits", [(1e4, 0.0, -1e4), (-1e4, 0.0, 1e4), (0.0, 1e4, -1e4)])
def test_logits_far_apart_stay_finite(entries, logits):
    head = nn.Linear(1, 3, bias=False)
    head.weight.data = torch.tensor(logits)[:, None]
    hidden_NH = torch.ones(3, 1, requires_grad=True)
    logps_N, entropies_N = head_values(
        head, hidden_NH, torch.arange(3), temperature=1.0, with_entropy=True, tile=LogitsTile(8, entries)
    )
    assert logps_N.tolist() == [logit - 1e4 for logit in logits]
    assert entropies_N.tolist() == [0.0, 0.0, 0.0]
    (logps_N.sum() + entropies_N.sum()).backward()
    assert hidden_NH.grad.isfinite().all()
    assert head.weight.grad.isfinite().all()


@pytest.mark.parametrize("entries", [1, 2, 3])
@pytest.mark.parametrize("logits", [(-3e38, -3e38, -3e38), (-1.6e38, -1.6e38, 1e38)])
def test_logits_at_the_ends_of_their_range_stay_finite(entries, logits):
    head = nn.Linear(1, 3, bias=False)
    head.weight.data = torch.tensor(logits)[:, None]
    found = head_values(
        head, torch.ones(3, 1), torch.arange(3), temperature=1.0, with_entropy=True, tile=LogitsTile(8, entries)
    )
    assert all(values_N.isfinite().all() for values_N in found)
    assert (found[0] <= 0).all()


@pytest.mark.parametrize("entries", [1, 2, 4])
def test_entries_that_a_bias_forbids_have_no_probability(entries):
    head = nn.Linear(2, 4)
    head.bias.data = torch.tensor([-torch.inf, 0.0, 0.0, -torch.inf])
    hidden_NH = torch.randn(3, 2, requires_grad=True)
    targets_N = torch.tensor([1, 2, 2])
    found = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=LogitsTile(2, entries))[0]
    expected = head(hidden_NH).log_softmax(-1).gather(1, targets_N[:, None]).squeeze(1)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad(found.sum(), [hidden_NH, head.weight]),
        torch.autograd.grad(expected.sum(), [hidden_NH, head.weight]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_no_tokens_give_no_values():
    head, hidden_NH, _ = make()
    logps_N, _ = head_values(
        head,
        hidden_NH[:0],
        torch.empty(0, dtype=torch.long),
        temperature=1.0,
        with_entropy=False,
        tile=LogitsTile(4, 8),
    )
    logps_N.sum().backward()
    assert logps_N.shape == (0,)
    assert not head.weight.grad.any()


@pytest.mark.parametrize("vocabulary", [1, 150, 32_000, 151_936, 10**9])
def test_a_tile_is_a_few_megabytes_whatever_the_vocabulary(vocabulary):
    tile = LogitsTile.of(vocabulary, is_on_cpu=True)
    assert 4 * tile.tokens * tile.entries <= 9e6
    assert tile.entries <= vocabulary
    assert tile.tokens >= 1024


def test_a_small_vocabulary_is_one_block():
    assert LogitsTile.of(150, is_on_cpu=True) == LogitsTile((2 << 20) // 150, 150)
    assert LogitsTile.of(150, is_on_cpu=True, tokens=3) == LogitsTile(3, 150)


def test_tiles_are_even_in_tokens_and_whole_in_entries(monkeypatch):
    seen = []
    linear = nn.functional.linear

    def recorded(hidden, *others):
        logits = linear(hidden, *others)
        seen.append(logits.shape)
        return logits

    monkeypatch.setattr(nn.functional, "linear", recorded)
    head, hidden_NH, targets_N = make()
    logps_N, _ = head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=LogitsTile(5, 8))
    logps_N.sum().backward()
    # Eleven tokens are three even parts, nineteen entries two whole blocks and a rest; forwards, then backwards.
    assert seen == 2 * [(tokens, entries) for entries in (8, 8, 3) for tokens in (4, 4, 3)]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_no_more_than_a_tile_of_logits_exists(temperature):
    torch.manual_seed(0)
    tokens, width, vocabulary, tile = 2048, 4, 4096, LogitsTile(512, 1024)
    head = nn.Linear(width, vocabulary, bias=False)
    hidden_NH = torch.randn(tokens, width, requires_grad=True)
    with LiveBytes() as live:
        logps_N, _ = head_values(
            head,
            hidden_NH,
            torch.randint(vocabulary, (tokens,)),
            temperature=temperature,
            with_entropy=False,
            tile=tile,
        )
        logps_N.sum().backward()
    one = 4 * tile.tokens * tile.entries
    # Beside the tile: gradients of weight and hidden states, and a few numbers a token.
    assert one < live.peak < one + 4 * (vocabulary + 2 * tokens) * width + 100 * tokens


@pytest.mark.parametrize("target", [-1, -100, VOCABULARY, 500])
def test_a_target_outside_the_vocabulary_is_refused(target):
    head, hidden_NH, targets_N = make()
    targets_N[3] = target
    with pytest.raises(DataError, match=f"{target}.* head has 0 to {VOCABULARY - 1}; use the tokenizer"):
        head_values(head, hidden_NH, targets_N, temperature=1.0, with_entropy=False, tile=ALL)
