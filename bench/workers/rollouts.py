"""Rollouts as a run of a 1.5B model on mathematics would store them, made without a model; the same on every machine.

What decides how they compress is kept: response lengths lognormal around 600 tokens, token ids of a vocabulary of
151,936 by Zipf's law with phrases that repeat and pieces of the prompt, about four characters a token, and logprobs
of which most are almost 0, on the grid that a float32 log-softmax leaves near 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["RolloutMaker"]

VOCABULARY, PHRASES = 151_936, 60_000
MAX_NEW_TOKENS = 4096
LETTERS = "etaoinshrdlucmfwypvbgkqjxz"
# Shares of pieces: a phrase, a stretch of the prompt; the rest are five tokens drawn one by one.
PHRASE_SHARE, PROMPT_SHARE = 0.45, 0.07
FLOAT32_EPSILON = np.float32(2**-23)
SCHEMA: dict[str, Any] = {
    "gold_alternatives": pl.List(pl.String),
    "prompt_ids": pl.List(pl.Int32),
    "response_ids": pl.List(pl.Int32),
    "logprobs": pl.List(pl.Float32),
    "reward": pl.Float32,
    "advantage": pl.Float32,
}


@dataclass(frozen=True)
class Zipf:
    """Draws from so many things, the k-th likeliest with probability proportional to k to the power -exponent."""

    cumulative: NDArray[np.float64]

    @classmethod
    def over(cls, count: int, exponent: float) -> "Zipf":
        """Return the distribution over `count` things."""
        weights = np.arange(1, count + 1) ** -exponent
        return cls(np.cumsum(weights / weights.sum()))

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Return ranks from 0."""
        ranks = np.searchsorted(self.cumulative, rng.random(count))
        return np.minimum(ranks, len(self.cumulative) - 1)


class RolloutMaker:
    """Makes the rollouts of any step; steps are independent of each other.

    Args:
        prompts: Groups a step, of two rollouts each.
        seed: Of vocabulary, phrases and steps.
    """

    def __init__(self, prompts: int = 256, seed: int = 0) -> None:
        self._prompts, self._seed = prompts, seed
        rng = np.random.default_rng(seed)
        self._ids = Zipf.over(VOCABULARY, 1.05)
        self._id_of_rank = rng.permutation(VOCABULARY).astype(np.int32)
        self._words = _words(rng)
        self._phrase = Zipf.over(PHRASES, 0.9)
        lengths = rng.integers(2, 9, PHRASES)
        self._phrases = np.split(self._tokens(rng, int(lengths.sum())), np.cumsum(lengths)[:-1])

    def table(self, step: int) -> pl.DataFrame:
        """Return one step's rows as a trainer hands them to the store."""
        rng = np.random.default_rng([self._seed, step])
        groups = range(step * self._prompts, (step + 1) * self._prompts)
        rows = [row for group in groups for row in self._group(rng, group)]
        constants = {
            "dataset": "numina-math",
            "model_id": "Qwen2.5-Math-1.5B",
            "policy_version": step,
            "policy_version_max": step,
            "generator": "vllm",
            "dtype": "bfloat16",
            "logprob_kind": "processed",
            "verifier": "twogrpo@0.1.0:rl",
            "temperature": 1.0,
            "top_p": 1.0,
            "max_new_tokens": MAX_NEW_TOKENS,
        }
        return pl.DataFrame(rows, schema_overrides=SCHEMA).with_columns(**{k: pl.lit(v) for k, v in constants.items()})

    def _group(self, rng: np.random.Generator, group: int) -> list[dict[str, Any]]:
        prompt = self._sequence(rng, int(np.clip(rng.lognormal(np.log(90), 0.5), 20, 512)), None)
        gold = str(rng.integers(5000))
        is_correct = rng.random(2) < 0.55
        advantages = is_correct - is_correct.mean()
        return [
            {
                "group_id": group,
                "rollout_idx": index,
                "prompt": self._text(prompt),
                "gold": gold,
                "gold_alternatives": [],
                "prompt_ids": prompt,
                **self._response(rng, prompt),
                "reward": float(is_correct[index]),
                "advantage": float(2 * advantages[index]),
                "is_inert": False,
                "correct": bool(is_correct[index]),
                "status": "match" if is_correct[index] else "mismatch",
                "rule": "numeric",
                "extracted": gold if is_correct[index] else str(rng.integers(5000)),
                "seed": int(rng.integers(2**62)),
            }
            for index in range(2)
        ]

    def _response(self, rng: np.random.Generator, prompt: NDArray[np.int32]) -> dict[str, Any]:
        # The mean of a lognormal is exp(mu + sigma^2 / 2).
        length = int(np.clip(rng.lognormal(np.log(600) - 0.245, 0.7), 8, MAX_NEW_TOKENS))
        ids = self._sequence(rng, length, prompt)
        is_cut = length == MAX_NEW_TOKENS
        return {
            "response": self._text(ids),
            "response_ids": ids,
            "logprobs": _logprobs(rng, length),
            "finish_reason": "length" if is_cut else "stop",
        }

    def _tokens(self, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
        return self._id_of_rank[self._ids.draw(rng, count)]

    def _sequence(self, rng: np.random.Generator, length: int, prompt: NDArray[np.int32] | None) -> NDArray[np.int32]:
        # A piece has two tokens at least, so that these are enough.
        count = length // 2 + 1
        kinds, phrases = rng.random(count), self._phrase.draw(rng, count)
        singles = self._tokens(rng, 5 * count)
        pieces: list[NDArray[np.int32]] = []
        size = 0
        for index, kind in enumerate(kinds):
            if kind < PHRASE_SHARE:
                piece = self._phrases[phrases[index]]
            elif prompt is not None and kind < PHRASE_SHARE + PROMPT_SHARE:
                start = rng.integers(len(prompt) - 10)
                piece = prompt[start : start + 10]
            else:
                piece = singles[5 * index : 5 * index + 5]
            pieces.append(piece)
            size += len(piece)
            if size >= length:
                break
        return np.concatenate(pieces)[:length]

    def _text(self, ids: NDArray[np.int32]) -> str:
        return "".join(self._words[ids])


def _words(rng: np.random.Generator) -> NDArray[np.object_]:
    """Return the text of each token id, four characters in the mean, six of ten with a blank in front."""
    lengths = np.clip(1 + rng.poisson(3.2, VOCABULARY), 1, 14)
    # Letters fall off as in English text, nearly geometrically.
    weights = 0.9 ** np.arange(len(LETTERS))
    letters = "".join(rng.choice(list(LETTERS), size=int(lengths.sum()), p=weights / weights.sum()))
    ends = np.cumsum(lengths)
    has_blank = rng.random(VOCABULARY) < 0.6
    words = [
        f"{' ' * blank}{letters[end - length : end - (blank and length > 1)]}"
        for end, length, blank in zip(ends.tolist(), lengths.tolist(), has_blank.tolist(), strict=True)
    ]
    return np.array(words, dtype=object)


def _logprobs(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return logprobs of which 72 % belong to tokens that were all but certain."""
    is_certain = rng.random(count) < 0.72
    values = np.where(is_certain, -np.exp(rng.normal(-10, 4.5, count)), -rng.gamma(0.9, 0.9, count))
    logprobs = np.clip(values, -25, 0).astype(np.float32)
    is_near = logprobs > -0.25
    logprobs[is_near] = np.round(logprobs[is_near] / FLOAT32_EPSILON) * FLOAT32_EPSILON
    return logprobs
