"""What one micro-batch needs beside weights, gradients and moments: between its two passes, and at most in each.

The numbers follow what the trainer's layers keep for the backward pass (`train.rms_norm`, `train.last_layer`,
`train.packed_attention`, `train.head`) and, elsewhere, those of transformers.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from twogrpo.preflight.memory import ModelShape, Workload

__all__ = ["FLOAT32", "TrainingMemory", "training_memory"]

FLOAT32 = 4


class TrainingMemory(NamedTuple):
    """Bytes of one micro-batch.

    Attributes:
        activations: Kept from the forward to the backward pass.
        forward_pass: The most that the forward pass holds beside them.
        backward_pass: The same of the backward pass.
    """

    activations: int
    forward_pass: int
    backward_pass: int


def training_memory(shape: "ModelShape", work: "Workload") -> TrainingMemory:
    """Return what the largest micro-batch needs.

    Args:
        shape: The model.
        work: The largest batches of the run.
    """
    tokens, last = work.micro_batch_tokens, _last_layer_tokens(shape, work)
    attention, feed_forward = tokens * _attention(shape, work), _feed_forward(shape, work)
    # Sines and cosines of the positions; then the last norm, and the hidden states that the head multiplies.
    end = last * (_norm(shape, work, products=1) + shape.hidden * work.width)
    ends = 2 * tokens * shape.head_dim * FLOAT32 + end
    casts, head = _layer_casts(shape, work), _head_gradient(shape, work)
    logits, slopes = _logits(shape, work)
    # The gradient of the hidden states that the head multiplies is summed in float32.
    slopes += work.micro_batch_responses * shape.hidden * FLOAT32
    # While a layer runs: two hidden states beside what it keeps, and queries in float32 in the steps of their rotation,
    # four of them forwards and two backwards, or the gradient of the feed-forward block.
    states, query = 2 * tokens * shape.hidden * FLOAT32, tokens * shape.heads * shape.head_dim * FLOAT32
    gradient = states + tokens * shape.intermediate * work.width
    if not work.gradient_checkpointing:
        rows = (shape.layers - 1) * tokens + last
        kept = shape.layers * (attention + casts) + rows * feed_forward + ends
        return TrainingMemory(kept, logits, head + max(slopes, gradient))
    kept = shape.layers * tokens * shape.hidden * FLOAT32 + ends
    rows = tokens if shape.layers > 1 else last
    layer = attention + casts + max(rows * feed_forward + gradient, states + 2 * query)
    # Autocast holds every matrix that it has narrowed until the forward pass ends.
    # What the head kept is free again when a layer is computed anew.
    return TrainingMemory(kept, max(logits, states + 4 * query) + shape.layers * casts, head + max(slopes, layer - end))


def _last_layer_tokens(shape: "ModelShape", work: "Workload") -> int:
    """Return how many tokens the second half of the last layer sees: those that predict one, if the model is packed."""
    tokens = work.micro_batch_tokens
    return min(tokens, work.micro_batch_responses) if shape.is_packed else tokens


def _is_fused(shape: "ModelShape", work: "Workload") -> bool:
    return shape.is_packed and work.is_on_cpu and work.width == FLOAT32


def _norm(shape: "ModelShape", work: "Workload", *, products: int) -> int:
    """Return the bytes a token that a normalisation keeps, and its result as the next products take it."""
    # Its input in float32; transformers' chain of operations keeps that once more when it is normalised.
    inputs = FLOAT32 if _is_fused(shape, work) else 2 * FLOAT32
    # Autocast narrows the result once for each product.
    results = work.width * (products if work.width < FLOAT32 else 1)
    return shape.hidden * (inputs + results)


def _attention(shape: "ModelShape", work: "Workload") -> int:
    """Return the bytes a token of a layer's first half: norms, queries, keys, values, and the result in two layouts."""
    heads, key_values = shape.heads * shape.head_dim, shape.key_value_heads * shape.head_dim
    head_norms = (heads + key_values) * (FLOAT32 if _is_fused(shape, work) else FLOAT32 + work.width)
    # Packed attention shares keys and values between heads; others repeat them.
    attended = 3 * heads + 2 * (key_values if shape.is_packed else heads)
    norms = _norm(shape, work, products=3) + (head_norms if shape.has_head_norms else 0)
    return norms + attended * work.width


def _feed_forward(shape: "ModelShape", work: "Workload") -> int:
    """Return the bytes a token of a layer's second half."""
    return _norm(shape, work, products=2) + 4 * shape.intermediate * work.width


def _layer_casts(shape: "ModelShape", work: "Workload") -> int:
    """Return the bytes of a layer's matrices as autocast narrows them; frozen ones are narrow already."""
    if work.width == FLOAT32 or work.trained is not None:
        return 0
    attention = 2 * (shape.heads + shape.key_value_heads) * shape.head_dim
    return work.width * shape.hidden * (attention + 3 * shape.intermediate)


def _logits(shape: "ModelShape", work: "Workload") -> tuple[int, int]:
    """Return the bytes of one tile of logits with what is made for it, in the forward and in the backward pass.

    A tile stands in float32, and beside it as it was multiplied if that is narrower. Then a block of the head is
    narrowed too, and its gradient is a narrow product on an accelerator; a CPU widens it once more.
    """
    from twogrpo.train.head import LogitsTile

    tile = LogitsTile.of(shape.vocabulary, is_on_cpu=work.is_on_cpu)
    rows = min(work.micro_batch_responses, tile.tokens)
    narrow = work.width if work.width < FLOAT32 else 0
    logits = tile.entries * rows * (FLOAT32 + narrow)
    if work.trained is not None or not narrow:
        return logits, logits
    block = tile.entries * shape.hidden
    product = FLOAT32 * block if work.is_on_cpu else narrow * block
    return logits + narrow * block, logits + narrow * block + product


def _head_gradient(shape: "ModelShape", work: "Workload") -> int:
    """Return the bytes of the head's gradient, made whole before it is added to what earlier micro-batches gave."""
    return shape.vocabulary * shape.hidden * FLOAT32 if work.trained is None else 0
