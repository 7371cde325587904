"""The names that OpenRLHF imports for packing samples, which it does with flash attention only."""

from einops import rearrange

__all__ = ["index_first_axis", "pad_input", "rearrange", "unpad_input"]


def _needs_cuda(*_args, **_kwargs):
    raise NotImplementedError("packing samples needs flash-attn and CUDA")


index_first_axis = pad_input = unpad_input = _needs_cuda
