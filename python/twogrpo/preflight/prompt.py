"""The section about one prompt: its tokens, what ends a response, and whether the chat template agrees with that."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twogrpo.config.sampling import DataSection
from twogrpo.generate import stop_ids
from twogrpo.preflight.model import vocabulary_of
from twogrpo.preflight.report import Fact, Section
from twogrpo.prompts import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Turn", "answered_turn", "prompt_section"]

# More tokens than this are cut in the middle, unless everything is asked for.
SHOWN_TOKENS = 60
# No text that a template would change, and none that a prompt holds.
PLACEHOLDER = "RESPONSE-7d41"


@dataclass(frozen=True)
class Turn:
    """A conversation with its answer, as the chat template writes it.

    Attributes:
        begins_with_prompt: The text up to the answer is the prompt that the model is given.
        same_ids: Prompt, answer and ending, tokenised one by one, are the tokens of the whole text.
        end: The first token id after the answer; None if the template writes nothing there.
    """

    begins_with_prompt: bool
    same_ids: bool
    end: int | None


def answered_turn(tokenizer: "PreTrainedTokenizerBase", data: DataSection, prompt: Prompt, answer: str) -> Turn | None:
    """Return how the chat template writes a prompt with its answer, or None where it cannot.

    Args:
        tokenizer: The model's.
        data: System message and suffix of the run.
        prompt: One of its prompts.
        answer: A response to it.
    """
    from jinja2 import TemplateError

    opening = [] if data.system is None else [{"role": "system", "content": data.system}]
    asked = [*opening, {"role": "user", "content": prompt.text + (data.suffix or "")}]

    def rendered(content: str) -> str:
        messages = [*asked, {"role": "assistant", "content": content}]
        return str(tokenizer.apply_chat_template(messages, tokenize=False))

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    try:
        before, found, after = rendered(PLACEHOLDER).rpartition(PLACEHOLDER)
        whole = rendered(answer)
        given = str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))
    except TemplateError:
        return None
    if not found:
        return None
    end = ids(after)
    return Turn(before == given, ids(whole) == [*ids(given), *ids(answer), *end], end[0] if end else None)


def prompt_section(
    prompt: Prompt, data: DataSection, tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel"
) -> Section:
    """Return the first prompt token by token, the stop ids and what does not fit together.

    Args:
        prompt: The first one of the data.
        data: The section `data` of the run.
        tokenizer: The model's.
        model: The model, or its outline; its generation config and embedding are used.
    """
    tokens = [{"id": token, "text": _piece(tokenizer, token)} for token in prompt.token_ids]
    specials = set(tokenizer.all_special_ids)
    shown = [_shown(tokenizer, token, specials) for token in prompt.token_ids]
    cut = f"... {len(shown) - SHOWN_TOKENS} tokens, -v shows them ..."
    middle = SHOWN_TOKENS // 2
    short = shown if len(shown) <= SHOWN_TOKENS else [*shown[:middle], cut, *shown[-middle:]]
    stops = _stops(tokenizer, model)
    facts = [Fact("tokens", tokens, "   ".join(short))]
    if short is not shown:
        facts.append(Fact("all_tokens", len(shown), "   ".join(shown), is_detail=True))
    facts.append(
        Fact("stop_ids", stops, "\n".join(f"{_shown(tokenizer, s['id'], specials)}  {s['from']}" for s in stops))
    )
    turn = answered_turn(tokenizer, data, prompt, f"\\boxed{{{prompt.golds[0]}}}") if data.template == "chat" else None
    if turn is not None:
        facts += _turn_facts(tokenizer, turn, specials)
    warnings = [
        *_stop_warnings(tokenizer, {int(stop["id"]) for stop in stops}, turn),
        *_beginning_warnings(tokenizer, prompt),
        *_vocabulary_warnings(tokenizer, model),
    ]
    return Section("prompt", tuple(facts), tuple(warnings))


def _stops(tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel") -> list[dict[str, Any]]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    places = {
        "model's generation config": configured if isinstance(configured, list) else [configured],
        "tokenizer's eos_token": [tokenizer.eos_token_id],
    }
    return [
        {
            "id": token,
            "text": _piece(tokenizer, token),
            "from": ", ".join(place for place, ids in places.items() if token in ids),
        }
        for token in sorted(stop_ids(model, tokenizer))
    ]


def _turn_facts(tokenizer: "PreTrainedTokenizerBase", turn: Turn, specials: set[int]) -> list[Fact]:
    end = "nothing" if turn.end is None else _shown(tokenizer, turn.end, specials)
    trip = "prompt, response and ending are the same tokens as the whole text"
    if not turn.same_ids:
        trip = "the whole text has other tokens; no matter here, training uses the sampled ids"
    facts = [Fact("template_ends_a_turn_with", turn.end, end), Fact("round_trip", turn.same_ids, trip)]
    if not turn.begins_with_prompt:
        text = "a finished turn is written otherwise than the prompt: other trainers on its text see another prompt"
        facts.append(Fact("prompt_is_its_beginning", turn.begins_with_prompt, text))
    return facts


def _stop_warnings(tokenizer: "PreTrainedTokenizerBase", stops: set[int], turn: Turn | None) -> list[str]:
    if not stops:
        return ["no token ends a response: every one runs to rollout.max_new_tokens"]
    if turn is None or turn.end is None or turn.end in stops:
        return []
    names = ", ".join(f"{_piece(tokenizer, stop)} ({stop})" for stop in sorted(stops))
    warning = (
        f"the chat template ends a turn with {_piece(tokenizer, turn.end)} ({turn.end}), but a response ends with "
        f"{names}: what ends its turn goes on to rollout.max_new_tokens and is cut. Add {turn.end} to eos_token_id in "
        "the model's generation_config.json, or set data.template=none for a base model"
    )
    return [warning]


def _beginning_warnings(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> list[str]:
    beginning = tokenizer.bos_token_id
    if beginning is None:
        return []
    count = next((n for n, token in enumerate(prompt.token_ids) if token != beginning), len(prompt.token_ids))
    name = f"{tokenizer.bos_token} ({beginning})"
    if count > 1:
        return [f"the prompt begins with {count} {name}: the template and the tokenizer both add it"]
    adds_it = list(tokenizer("a")["input_ids"])[:1] == [beginning]
    if count == 0 and adds_it:
        return [f"the tokenizer begins every text with {name}, but the chat template leaves it out"]
    return []


def _vocabulary_warnings(tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel") -> list[str]:
    rows = vocabulary_of(model)
    if len(tokenizer) <= rows:
        return []
    warning = (
        f"the tokenizer has {len(tokenizer):,} tokens and the model embeds {rows:,}: a prompt with one of the others "
        "is refused; use the tokenizer that belongs to the model"
    )
    return [warning]


def _shown(tokenizer: "PreTrainedTokenizerBase", token: int, specials: set[int]) -> str:
    piece = _piece(tokenizer, token)
    # Without a line break between an id and its piece, whatever the width.
    return f"{token}\N{NO-BREAK SPACE}{piece}" if token in specials else f"{token}\N{NO-BREAK SPACE}{_quoted(piece)}"


def _quoted(piece: str) -> str:
    text = piece.replace("\n", "\\n").replace("\t", "\\t").replace(" ", "\N{NO-BREAK SPACE}")
    return f'"{text}"'


def _piece(tokenizer: "PreTrainedTokenizerBase", token: int) -> str:
    return str(tokenizer.decode([token], skip_special_tokens=False))
