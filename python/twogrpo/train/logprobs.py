"""Logprobs of given responses under a causal language model, for any loss that needs them.

The head runs on response tokens only, some of them at a time: no tensor of every token by the vocabulary is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, overload

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from twogrpo.errors import ConfigError
from twogrpo.train.head import LogitsTile, head_values
from twogrpo.train.last_layer import is_cut
from twogrpo.train.packing import PackedBatch, check_sequences

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["TokenBatch", "token_logps"]

# What some architectures do to the head's output; taking the head alone would leave it out.
_LOGIT_TRANSFORMS = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier",
)
# Logits of a head that is called as it is, on a CPU and elsewhere.
_CPU_ROWS_BYTES, _ACCELERATOR_ROWS_BYTES, _LEAST_ROWS = 40 << 20, 512 << 20, 16


@dataclass(frozen=True)
class TokenBatch:
    """Prompts with their responses, padded on the right to one length.

    Attributes:
        input_ids_BT: Token ids, int64.
        attention_mask_BT: 1 for a token, 0 for padding, int64.
        response_mask_BT: True for a token of the response, bool.
        position_ids_BT: Positions for the model; None counts from 0, which is right under padding on the right.

    For a model that takes packed streams, `PackedBatch` holds the same without padding.
    """

    input_ids_BT: Tensor
    attention_mask_BT: Tensor
    response_mask_BT: Tensor
    position_ids_BT: Tensor | None = None

    @classmethod
    def pack(
        cls,
        prompt_ids: Sequence[Sequence[int]],
        response_ids: Sequence[Sequence[int]],
        *,
        pad_id: int,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Return one row for each prompt and its response; a response may be empty.

        Raises:
            DataError: If there is no row, the two counts differ, or a prompt has no token to predict from.
        """
        check_sequences(prompt_ids, response_ids)
        starts = torch.tensor([len(prompt) for prompt in prompt_ids])
        rows = [[*prompt, *response] for prompt, response in zip(prompt_ids, response_ids, strict=True)]
        ends = torch.tensor([len(row) for row in rows])
        longest = int(ends.max())
        ids_BT = torch.tensor([row + [pad_id] * (longest - len(row)) for row in rows])
        positions_T = torch.arange(longest)
        is_token_BT = positions_T < ends[:, None]
        is_response_BT = is_token_BT & (positions_T >= starts[:, None])
        return cls(ids_BT.to(device), is_token_BT.long().to(device), is_response_BT.to(device))


@overload
def token_logps(
    model: "PreTrainedModel",
    batch: TokenBatch | PackedBatch,
    *,
    temperature: float,
    with_entropy: Literal[False] = False,
    chunk_tokens: int | None = None,
) -> tuple[Tensor, Tensor]: ...
@overload
def token_logps(
    model: "PreTrainedModel",
    batch: TokenBatch | PackedBatch,
    *,
    temperature: float,
    with_entropy: Literal[True],
    chunk_tokens: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]: ...
def token_logps(
    model: "PreTrainedModel",
    batch: TokenBatch | PackedBatch,
    *,
    temperature: float,
    with_entropy: bool = False,
    chunk_tokens: int | None = None,
) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]:
    """Return each response token's logprob under the sampling distribution, softmax(logits / temperature).

    Args:
        model: A causal language model of transformers with an output embedding, PEFT-wrapped or not.
        batch: Sequences with their response tokens marked, packed if the model is `is_packing`.
        temperature: What the rollouts were sampled at; 0 (greedy) has no density and is read as 1.
        with_entropy: Also return the entropy of each of those distributions.
        chunk_tokens: Response tokens of a tile of logits, of which one exists at once; None takes what the device
            works best with.

    Returns:
        Logprobs in nats, shape (sequences, longest response), each row's first token in column 0, zeros behind its
        last; the mask of real tokens, bool, same shape; and, if asked for, entropies in nats, same shape. Numbers are
        float32, or float64 for a float64 model, whatever the model's or autocast's type.

    Raises:
        ConfigError: If the temperature or `chunk_tokens` is out of range, or the architecture transforms its logits
            behind the head.
        DataError: If a token to predict is not in the model's vocabulary.
    """
    _check(model, temperature, chunk_tokens)
    if isinstance(batch, PackedBatch):
        hidden_NH, targets_N, mask_BR = _packed_states(model, batch)
    else:
        hidden_NH, targets_N, mask_BR = _padded_states(model, batch)
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    vocabulary, is_on_cpu = head.weight.shape[0], hidden_NH.device.type == "cpu"
    temperature = temperature or 1.0
    if type(head) is nn.Linear:
        tile = LogitsTile.of(vocabulary, is_on_cpu=is_on_cpu, tokens=chunk_tokens)
        logps_N, entropies_N = head_values(
            head, hidden_NH, targets_N, temperature=temperature, with_entropy=with_entropy, tile=tile
        )
    else:
        chunk_tokens = chunk_tokens or _rows_at_once(vocabulary, is_on_cpu=is_on_cpu)
        logps_N, entropies_N = _any_head_values(
            head, hidden_NH, targets_N, temperature, chunk_tokens, with_entropy=with_entropy
        )
    logps_BR = _rows(logps_N, mask_BR)
    return (logps_BR, mask_BR) if entropies_N is None else (logps_BR, mask_BR, _rows(entropies_N, mask_BR))


def _packed_states(model: "PreTrainedModel", batch: PackedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hidden states that predict response tokens, those tokens, and the mask that they fill."""
    decoder = model.get_decoder()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    wanted = {"wanted_K": batch.outputs_K} if is_cut(model) else {}
    hidden_KH = decoder(
        input_ids=batch.input_ids_N[None],
        # A mask of four dimensions is passed on as it is; without one, transformers would make one of stream by stream.
        attention_mask=torch.zeros(1, 1, 1, 1, device=batch.input_ids_N.device),
        position_ids=batch.position_ids_N[None],
        use_cache=False,
        rows=batch.rows,
        **wanted,
    ).last_hidden_state.squeeze(0)
    if not wanted:
        hidden_KH = hidden_KH.index_select(0, batch.outputs_K)
    return hidden_KH.index_select(0, batch.predictors_M), batch.targets_M, batch.mask_BR


def _padded_states(model: "PreTrainedModel", batch: TokenBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same of padded rows."""
    decoder = model.get_decoder()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    hidden_BTH = decoder(
        input_ids=batch.input_ids_BT,
        attention_mask=batch.attention_mask_BT,
        position_ids=batch.position_ids_BT,
        use_cache=False,
    ).last_hidden_state
    # The token at t is predicted from t - 1.
    is_target_BT = batch.response_mask_BT[:, 1:]
    counts_B = is_target_BT.sum(dim=1)
    mask_BR = torch.arange(int(counts_B.max()), device=counts_B.device) < counts_B[:, None]
    return hidden_BTH[:, :-1][is_target_BT], batch.input_ids_BT[:, 1:][is_target_BT], mask_BR


def _rows_at_once(vocabulary: int, *, is_on_cpu: bool) -> int:
    """Return how many tokens' logits may exist at once where the head gives whole rows of them."""
    return max(_LEAST_ROWS, (_CPU_ROWS_BYTES if is_on_cpu else _ACCELERATOR_ROWS_BYTES) // (4 * vocabulary))


def _any_head_values(
    head: nn.Module, hidden_NH: Tensor, targets_N: Tensor, temperature: float, chunk_tokens: int, *, with_entropy: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the same of a head that an adapter or a quantisation has replaced: it is called as it is."""

    def values_of(hidden_CH: Tensor, targets_C: Tensor) -> tuple[Tensor, ...]:
        return _values(head(hidden_CH), targets_C, temperature, with_entropy=with_entropy)

    chunks = [
        checkpoint(values_of, hidden_CH, targets_C, use_reentrant=False, preserve_rng_state=False)
        for hidden_CH, targets_C in zip(
            torch.split(hidden_NH, chunk_tokens), torch.split(targets_N, chunk_tokens), strict=True
        )
    ]
    logps_N, *entropies_N = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return logps_N, entropies_N[0] if entropies_N else None


def _values(logits_CV: Tensor, targets_C: Tensor, temperature: float, *, with_entropy: bool) -> tuple[Tensor, ...]:
    logits_CV = logits_CV.to(torch.promote_types(logits_CV.dtype, torch.float32))
    if temperature != 1.0:
        logits_CV = logits_CV / temperature
    normaliser_C = logits_CV.logsumexp(dim=1)
    logps_C = logits_CV.gather(1, targets_C[:, None]).squeeze(1) - normaliser_C
    if not with_entropy:
        return (logps_C,)
    logps_CV = logits_CV - normaliser_C[:, None]
    return logps_C, -(logps_CV.exp() * logps_CV).sum(dim=1)


def _rows(values_N: Tensor, mask_BR: Tensor) -> Tensor:
    return values_N.new_zeros(mask_BR.shape).masked_scatter(mask_BR, values_N)


def _check(model: "PreTrainedModel", temperature: float, chunk_tokens: int | None) -> None:
    if not temperature >= 0:
        raise ConfigError(f"rollout.temperature={temperature} is negative; use what the rollouts were sampled at")
    if chunk_tokens is not None and chunk_tokens < 1:
        raise ConfigError(
            f"chunk_tokens={chunk_tokens} must be at least 1, or None for what the device works best with"
        )
    for name in _LOGIT_TRANSFORMS:
        value = getattr(model.config, name, None)
        if value not in (None, 1):
            raise ConfigError(
                f"{type(model).__name__} changes its logits behind the head ({name}={value}), which is not supported; "
                "use an architecture whose logits are the head's output, such as Qwen2, Qwen3 or Llama"
            )
