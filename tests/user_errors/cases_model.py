"""Mistakes in a model's folder: found before the run folder is begun, wherever the files alone tell."""

import shutil

from tests.user_errors.case import Case
from tests.user_errors.cases_configuration import written
from tests.user_errors.cases_data import BEGUN
from tests.user_errors.world import edit_json, online, truncate


def without(*names):
    """Return a preparation that takes files out of the model's folder."""

    def prepare(folder):
        for name in names:
            (folder / "model" / name).unlink()

    return prepare


def broken_numbers(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model" / "model.safetensors"
    save_file({name: weight.fill_(float("nan")) for name, weight in load_file(path).items()}, path, {"format": "pt"})


def half_of_the_weights(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model" / "model.safetensors"
    weights = load_file(path)
    save_file({name: weights[name] for name in sorted(weights)[:5]}, path, {"format": "pt"})


def small_vocabulary(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model" / "model.safetensors"
    weights = load_file(path)
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"][:20].contiguous()
    save_file(weights, path, {"format": "pt"})
    edit_json(folder / "model" / "config.json", vocab_size=20, pad_token_id=None, eos_token_id=None)


def an_encoder(folder):
    from transformers import BertConfig, BertModel

    tiny = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(**tiny, vocab_size=300)).save_pretrained(folder / "model")


def empty_folder(folder):
    shutil.rmtree(folder / "model")
    (folder / "model").mkdir()


MODEL = [
    Case(
        did="name a model folder that is not there",
        words=online("model.path=./models/mine"),
        code=3,
        says=("model.path=./models/mine: no such folder", "hub id"),
    ),
    Case(
        did="name a model that is neither a folder nor on the hub",
        words=online("model.path=mine"),
        code=3,
        says=("model.path=mine", "There is no folder mine either"),
        theirs="We couldn't.*files[.]",
    ),
    Case(
        did="name a folder without a model",
        words=online(),
        prepare=empty_folder,
        code=3,
        says=("model.path=model has no config.json",),
    ),
    Case(
        did="name a model folder without a tokenizer",
        words=online(),
        prepare=without("tokenizer.json", "tokenizer_config.json"),
        code=3,
        says=("model.path=model has no tokenizer", "tokenizer.json"),
    ),
    Case(
        did="name a model folder whose `tokenizer.json` is damaged",
        words=online(),
        prepare=written("model/tokenizer.json", '{"version": "1.0"}'),
        code=3,
        says=("model.path=model has no tokenizer that transformers can load",),
        theirs="KeyError.*",
    ),
    Case(
        did="name a model without a chat template",
        words=online(),
        prepare=without("chat_template.jinja"),
        code=2,
        says=("data.template=chat", "no chat template", "data.template=none"),
        then=online("data.template=none"),
    ),
    Case(
        did="name a model whose chat template refuses the messages",
        words=online("data.system=Think."),
        prepare=written("model/chat_template.jinja", "{{ raise_exception('no system message') }}"),
        code=2,
        says=("chat template of model refuses system and user messages", "no system message", "data.system"),
    ),
    Case(
        did="name a model whose `config.json` is damaged",
        words=online(),
        prepare=written("model/config.json", "{"),
        code=3,
        says=("model.path=model", "config.json"),
    ),
    Case(
        did="name a model folder without weights",
        words=online(),
        prepare=without("model.safetensors"),
        code=3,
        says=("model.path=model holds no weights",),
    ),
    Case(
        did="name a model whose weights are cut off",
        words=online(),
        prepare=lambda folder: truncate(folder / "model" / "model.safetensors"),
        code=3,
        says=("model/model.safetensors cannot be read", "download it again"),
        theirs=r"(?<=read: ).*(?=;)",
    ),
    Case(
        did="name a model that lacks some of its weights",
        words=online(),
        prepare=half_of_the_weights,
        code=3,
        says=("model.path=model lacks weights of Qwen2ForCausalLM", "and 20 more"),
    ),
    Case(
        did="name a model whose weights are of another shape",
        words=online(),
        prepare=lambda folder: edit_json(folder / "model" / "config.json", hidden_size=32),
        code=3,
        says=("model.path=model lacks weights", "of another shape"),
    ),
    Case(
        did="name a model whose weights are not numbers",
        words=online(),
        prepare=broken_numbers,
        code=4,
        says=("model.path=model", "not finite"),
        may_write=BEGUN,
    ),
    Case(
        did="name an encoder",
        words=online(),
        prepare=an_encoder,
        code=3,
        says=("model.path=model lacks weights of BertLMHeadModel",),
    ),
    Case(
        did="name a model that the builtin sampler does not serve",
        words=online(),
        prepare=lambda folder: edit_json(folder / "model" / "config.json", hidden_act="gelu"),
        code=2,
        says=("rollout.backend=builtin does not serve this model", "gelu", "rollout.backend=transformers"),
    ),
    Case(
        did="name a model of an architecture that transformers does not know",
        words=online(),
        prepare=lambda folder: edit_json(folder / "model" / "config.json", model_type="nobody", architectures=["No"]),
        code=3,
        says=("model.path=model",),
        theirs=r"(?<=: )The checkpoint.*",
    ),
    Case(
        did="name a model that embeds fewer tokens than its tokenizer has",
        words=online(),
        prepare=small_vocabulary,
        code=3,
        says=("token ids", "embeds 0 to 19", "tokenizer that belongs to the model"),
        may_write=BEGUN,
    ),
    Case(
        did="ask for longer responses than the model has positions",
        words=online("rollout.max_new_tokens=1000"),
        code=3,
        says=("256 positions", "max_new_tokens"),
    ),
]
