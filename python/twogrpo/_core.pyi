from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Protocol, Self, final

__all__ = [
    "PairRows",
    "StoreWriter",
    "Verdict",
    "__version__",
    "answer_kinds",
    "check_pair_spec",
    "is_release_build",
    "plan_batches",
    "prompt_id",
    "store_check",
    "store_compact",
    "store_open",
    "store_prune",
    "store_purge",
    "store_repair",
    "store_reward_columns",
    "store_schema",
    "verifier_profiles",
    "verifier_version",
    "verify",
    "verify_batch",
]

__version__: str
is_release_build: bool

# -- prompts
def prompt_id(dataset: str, prompt: str) -> str: ...

# -- store
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class StoreWriter:
    def __new__(
        cls,
        path: str | PathLike[str],
        run_id: str,
        writer: str,
        *,
        resume_step: int | None,
        float16_logprobs: bool,
        config_hash: str | None,
        tokenizer_hash: str | None,
        template_hash: str | None,
        keep_ahead: str | None = None,
    ) -> Self: ...
    @property
    def attempt(self) -> int: ...
    @property
    def recovery(self) -> tuple[int, list[str], list[str], list[str]]: ...
    @property
    def damaged_lines(self) -> int: ...
    def append(self, table: object, step: int, phase: str) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...

def store_open(path: str | PathLike[str]) -> None: ...
def store_repair(
    path: str | PathLike[str], deep: bool
) -> tuple[tuple[int, list[str], list[str], list[str]], tuple[int, list[str], bool]]: ...
def store_schema(rewards: Sequence[str]) -> _ArrowStream: ...
def store_reward_columns(path: str | PathLike[str]) -> list[str]: ...
def store_check(
    path: str | PathLike[str], deep: bool
) -> tuple[int, int, int, int, list[str], list[tuple[Path, str, bool]]]: ...

# -- store maintenance
def store_compact(
    path: str | PathLike[str], to: str | PathLike[str], complete: Callable[[Path], None]
) -> list[int]: ...
def store_prune(
    path: str | PathLike[str],
    *,
    superseded: bool,
    quarantine: bool,
    steps_before: int | None,
    phase: str | None,
    columns: Sequence[str],
    dry_run: bool,
) -> list[tuple[Path, int, int, int, int]]: ...
def store_purge(
    path: str | PathLike[str], prompt_ids: Sequence[str], dry_run: bool
) -> list[tuple[Path, int, int, int, int]]: ...

# -- pairs
def check_pair_spec(spec: object) -> None: ...

@final
class PairRows:
    def __new__(cls) -> Self: ...
    def add(self, rows: object) -> None: ...
    def pairs(self, spec: object) -> _ArrowStream: ...
    def counts(self) -> tuple[int, int, int, int, int]: ...

def plan_batches(
    items: object,
    *,
    token_budget: int,
    rollouts_per_step: int | None,
    ranks: int,
    seed: int,
    epoch: int,
    oversize: str,
) -> tuple[_ArrowStream, _ArrowStream, str, str]: ...

# -- verify
@final
class Verdict:
    @property
    def correct(self) -> bool: ...
    @property
    def status(self) -> str: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def extracted(self) -> str | None: ...
    @property
    def extraction(self) -> str | None: ...
    @property
    def span(self) -> tuple[int, int] | None: ...
    @property
    def candidates(self) -> int: ...
    @property
    def gold_form(self) -> str | None: ...
    @property
    def pred_form(self) -> str | None: ...
    @property
    def fuel(self) -> int: ...
    @property
    def reward(self) -> float | None: ...
    @property
    def profile(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

def verify(
    response: str,
    golds: list[str],
    profile: str,
    mode: str,
    extract: list[str] | None = None,
    prompt: str | None = None,
) -> Verdict: ...
def verify_batch(
    responses: object,
    golds: object,
    profile: str,
    mode: str,
    extract: list[str] | None = None,
    prompts: object | None = None,
) -> _ArrowStream: ...
def answer_kinds(answers: object) -> list[str]: ...
def verifier_version() -> str: ...
def verifier_profiles() -> list[str]: ...
