"""The name that OpenRLHF imports for ring attention, which it does with flash attention only."""

__all__ = ["all_gather"]


def all_gather(*_args, **_kwargs):
    """Raise: ring attention needs the kernels."""
    raise NotImplementedError("ring attention needs flash-attn and CUDA")
