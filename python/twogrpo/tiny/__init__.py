"""The embedded default: an arithmetic task and a tiny model, made on the spot, so that every job runs without a hub."""

from twogrpo.tiny.files import TinyFiles, TinyMarker, materialise
from twogrpo.tiny.supervised import CpuSeconds, Steps, SupervisedResult, load_examples, supervise
from twogrpo.tiny.warmstart import CONTROL

__all__ = [
    "CONTROL",
    "CpuSeconds",
    "Steps",
    "SupervisedResult",
    "TinyFiles",
    "TinyMarker",
    "load_examples",
    "materialise",
    "supervise",
]
