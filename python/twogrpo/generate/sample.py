"""One token a row from logits, with the logprob of the distribution that it was drawn from.

Tokens come from the inverse of the cumulative distribution at a given uniform number, so that the caller owns the
randomness: the same uniforms give the same tokens, whatever else is in the batch.
"""

import torch
from torch import Tensor

from twogrpo.generate.protocol import SamplingParams

__all__ = ["sample"]

# A logprob of zero probability would be minus infinity and poison the ratio of a policy update. Rounding of a parallel
# cumulative sum is all that can select such a token.
_SMALLEST = torch.finfo(torch.float32).tiny


def sample(logits_BV: Tensor, uniforms_B: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Return one token id and its logprob a row.

    Args:
        logits_BV: Float32 logits, shape (rows, vocabulary).
        uniforms_B: Numbers in [0, 1), shape (rows,); not read where `params` is greedy.
        params: Temperature and truncation.

    Returns:
        Token ids (int64) and logprobs (float32), both of shape (rows,). The logprobs are of the distribution after
        temperature and truncation; for greedy rows of the softmax of the logits.
    """
    if params.is_greedy:
        return _greedy(logits_BV)
    scores_BV = logits_BV if params.temperature == 1 else logits_BV / params.temperature
    if params.is_truncated:
        return _truncated(scores_BV, uniforms_B, params)
    probs_BV = scores_BV.softmax(dim=-1)
    return _inverse_cdf(probs_BV, uniforms_B)


def _greedy(logits_BV: Tensor) -> tuple[Tensor, Tensor]:
    top_B, tokens_B = logits_BV.max(dim=-1)
    return tokens_B, top_B - logits_BV.logsumexp(dim=-1)


def _truncated(scores_BV: Tensor, uniforms_B: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    # Each cut leaves a prefix of the tokens in falling order; with top-k the rest of the vocabulary is never sorted.
    vocabulary = scores_BV.shape[-1]
    if 0 < params.top_k < vocabulary:
        scores_BK, ids_BK = scores_BV.topk(params.top_k, dim=-1)
    else:
        scores_BK, ids_BK = scores_BV.sort(dim=-1, descending=True)
    probs_BK = scores_BK.softmax(dim=-1)
    if params.top_p < 1:
        mass_above_BK = probs_BK.cumsum(dim=-1) - probs_BK
        probs_BK = probs_BK.where(mass_above_BK < params.top_p, 0.0)
    if params.min_p > 0:
        probs_BK = probs_BK.where(probs_BK >= params.min_p * probs_BK[:, :1], 0.0)
    ranks_B, logps_B = _inverse_cdf(probs_BK, uniforms_B)
    return ids_BK.gather(1, ranks_B[:, None])[:, 0], logps_B


def _inverse_cdf(weights_BV: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return indices drawn in proportion to the weights, and the logprobs of the normalised weights."""
    cdf_BV = weights_BV.cumsum(dim=-1)
    total_B1 = cdf_BV[:, -1:]
    index_B1 = torch.searchsorted(cdf_BV, uniforms_B[:, None] * total_B1, right=True)
    index_B1.clamp_(max=weights_BV.shape[-1] - 1)
    probs_B1 = weights_BV.gather(1, index_B1).clamp_min_(_SMALLEST) / total_B1
    return index_B1[:, 0], probs_B1.log_()[:, 0]
