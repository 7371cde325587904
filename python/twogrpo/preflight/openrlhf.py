"""What the dry runs of both kinds say about OpenRLHF: its packages, how it divides the work, and its command line."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from twogrpo.config.distributed import OpenrlhfSection
from twogrpo.openrlhf.batches import data_ranks
from twogrpo.openrlhf.versions import findings
from twogrpo.preflight.report import Fact, Section, counted

__all__ = ["checkpoint_bytes", "command_section", "division_facts", "packages_section"]

# DeepSpeed's weights in bfloat16, and beside them the same weights as a Hugging Face folder.
_WEIGHT_BYTES = 2 + 2
# What DeepSpeed steps on, and Adam's two moments, in float32.
_STATE_BYTES = 3 * 4


def packages_section(needed: Sequence[str] | None = None) -> Section:
    """Return what is here of every package that the engine needs, beside the version that it is written against.

    Args:
        needed: Names as they are imported; every pin by default.
    """
    found = findings(needed)
    values = [{"found": each.found, "expected": each.expected, "fits": each.fits} for each in found]
    texts = [each.version if each.fits else f"{each.version}, expected {each.expected}" for each in found]
    return Section("packages", tuple(map(Fact, (each.name for each in found), values, texts)))


def checkpoint_bytes(parameters: int, trained: int | None = None) -> float:
    """Return the bytes of a checkpoint, a parameter of the model.

    Args:
        parameters: Of the model.
        trained: Those that the optimizer steps on, where these are not all.
    """
    return _WEIGHT_BYTES + _STATE_BYTES * (1.0 if trained is None else trained / max(1, parameters))


def division_facts(section: OpenrlhfSection, extra: Sequence[str], *, per_update: int) -> tuple[Fact, ...]:
    """Return how the rollouts of an optimizer step are divided among the GPUs.

    Args:
        section: The run's section `openrlhf`.
        extra: The checked words of `openrlhf.extra`.
        per_update: Rollouts of an optimizer step.
    """
    ranks, size = data_ranks(section, extra), section.micro_batch_size
    passes = per_update // (ranks * size)
    return (
        Fact("ranks", ranks, f"{ranks:,} that train on rollouts of their own"),
        Fact("micro_batches_at_most", passes, f"{passes:,} an update on each rank, of {counted(size, 'rollout')}"),
    )


def command_section(program: str, flags: Sequence[str], warnings: Sequence[str] = ()) -> Section:
    """Return OpenRLHF's whole command line.

    Args:
        program: The module that is run.
        flags: Its words.
        warnings: What its user has to be told.
    """
    lines = [f"python -m {program}", *_lines(flags)]
    return Section("command", (Fact("flags", list(flags), "\n".join(lines), is_table=True),), tuple(warnings))


def _lines(flags: Sequence[str]) -> Iterator[str]:
    """Yield a line a flag, with its values."""
    starts = 0

    def number(word: str) -> int:
        nonlocal starts
        starts += word.startswith("--")
        return starts

    for _, words in groupby(flags, key=number):
        yield "  " + " ".join(words)
