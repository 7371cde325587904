"""Rollout generation: one protocol, and the backends that fill it.

`builtin` is a batched key-value-cache sampler for Qwen2, Qwen3 and Llama on a CPU or one GPU; `transformers` serves
every causal language model through `model.generate`. Left out on purpose: scheduling between requests, prefix caches
and parallelism over devices, which belong to an inference engine.
"""

from twogrpo.generate.builtin import BuiltinGenerator
from twogrpo.generate.choose import make_generator, stop_ids
from twogrpo.generate.protocol import Generation, Generator, SamplingParams
from twogrpo.generate.support import supports
from twogrpo.generate.transformers_backend import TransformersGenerator

__all__ = [
    "BuiltinGenerator",
    "Generation",
    "Generator",
    "SamplingParams",
    "TransformersGenerator",
    "make_generator",
    "stop_ids",
    "supports",
]
