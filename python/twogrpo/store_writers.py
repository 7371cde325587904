"""The core's writers behind a store that is open for writing."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Literal

from twogrpo import _core
from twogrpo.errors import ConfigError
from twogrpo.store_reports import recovery_of, warn_of

__all__ = ["Phase", "RunWriters"]

Phase = Literal["train", "eval", "replay", "imported"]
_METADATA = ("config_hash", "tokenizer_hash", "template_hash")


class RunWriters:
    """The core's writers of one run in this process: the named one, and one for each further phase when it is met.

    Raises:
        ConfigError: If a key of `metadata` or the `logprob_dtype` is not known.
    """

    def __init__(
        self, path: Path, run_id: str, name: str, *, metadata: Mapping[str, str] | None, logprob_dtype: str
    ) -> None:
        self.path, self.run_id, self.name = path, run_id, name
        self._is_float16 = _is_float16(logprob_dtype)
        self._hashes = _checked_hashes(metadata or {})
        self._by_name: dict[str, _core.StoreWriter] = {}
        self._lock = Lock()

    def open(self, name: str, resume_step: int | None = None, keep_ahead: str | None = None) -> _core.StoreWriter:
        """Return a new writer under this name; what it finds of a dead one is logged."""
        writer = _core.StoreWriter(
            self.path,
            self.run_id,
            name,
            resume_step=resume_step,
            keep_ahead=keep_ahead,
            float16_logprobs=self._is_float16,
            config_hash=self._hashes.get("config_hash"),
            tokenizer_hash=self._hashes.get("tokenizer_hash"),
            template_hash=self._hashes.get("template_hash"),
        )
        self._by_name[name] = writer
        warn_of(recovery_of(writer))
        return writer

    @property
    def own(self) -> _core.StoreWriter:
        """The writer of phase train."""
        return self._by_name[self.name]

    def every(self) -> list[_core.StoreWriter]:
        """Return the writers that were met so far."""
        return list(self._by_name.values())

    def name_for(self, phase: Phase) -> str:
        """Return the name that a phase is stored under."""
        if phase in ("train", self.name):
            return self.name
        return phase if self.name == "w0" else f"{self.name}-{phase}"

    def for_phase(self, phase: Phase) -> _core.StoreWriter:
        """Return the writer of a phase, opened when it is met first."""
        name = self.name_for(phase)
        with self._lock:
            return self._by_name.get(name) or self.open(name)


def _checked_hashes(metadata: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(metadata.keys() - set(_METADATA))
    if unknown:
        raise ConfigError(f"metadata {', '.join(unknown)} is not known; expected some of {', '.join(_METADATA)}")
    return dict(metadata)


def _is_float16(logprob_dtype: str) -> bool:
    if logprob_dtype not in ("float32", "float16"):
        why = ", which would put ratios off by up to 6.4 %" if logprob_dtype == "bfloat16" else ""
        raise ConfigError(f"logprob_dtype={logprob_dtype!r} is not offered{why}; use float32 or float16")
    return logprob_dtype == "float16"
