from pathlib import Path

import pytest

from twogrpo.config import DpoConfig, OnlineConfig, to_yaml
from twogrpo.config.embedded import embedded_config
from twogrpo.config.foreign import FOREIGN_NAMES
from twogrpo.config.load import known_keys
from twogrpo.config.sampling import DataSection, ModelSection
from twogrpo.errors import ConfigError

SOURCES = ["model.path=m", "data.path=d.jsonl"]
CONFIGS = Path(__file__).parents[2] / "configs"


def load(*overrides):
    return OnlineConfig.load(None, [*SOURCES, *overrides])


def test_defaults_are_the_paper_s_run():
    config = load()
    assert (config.rollout.prompts_per_step, config.rollout.group_size) == (256, 2)
    assert (config.train.learning_rate, config.train.warmup_steps, config.train.schedule) == (8e-6, 10, "constant")
    assert (config.advantage.std, config.objective.aggregate, config.objective.ties) == (
        "population",
        "sequence_mean",
        "count",
    )


def test_override_beats_file_beats_preset(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("preset: paper-verl\nmodel: {path: m}\ndata: {path: d}\ntrain: {weight_decay: 0.5}\n")
    config = OnlineConfig.load(file, ["objective.clip_high=0.28"])
    assert config.advantage.std == "sample"
    assert config.train.max_grad_norm == 1.0
    assert config.train.weight_decay == 0.5
    assert config.objective.clip_high == 0.28


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("rollout.group_sze=3", ["unknown key rollout.group_sze", "did you mean rollout.group_size?"]),
        ("num_generations=4", ["unknown key num_generations", "in twogrpo this is rollout.group_size"]),
        ("group_size=4", ["unknown key group_size", "rollout.group_size"]),
        ("rollout.group_size=1", ["rollout.group_size=1", "greater than or equal to 2"]),
        ("rollout.temperature=hot", ["rollout.temperature='hot'", "valid number"]),
        ("engine=ray", ["engine='ray'", "'local'", "'openrlhf'"]),
        ("train.rollouts_per_update=7", ["train.rollouts_per_update=7", "batch of 512", "use "]),
        ("rollout.max_new_tokens=20000", ["train.token_budget=16384", "rollout.max_new_tokens=20000"]),
        ("train.betas=[0.9]", ["train.betas", "too few values"]),
        ("replay.steps=2", ["replay.steps=2", "nothing to replay", "replay.rollouts"]),
    ],
)
def test_wrong_key_or_value_is_one_line_that_names_it(override, parts):
    with pytest.raises(ConfigError) as error:
        load(override)
    message = str(error.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message


def test_steps_and_epochs_together_are_refused():
    with pytest.raises(ConfigError, match="steps=3 and epochs=1"):
        load("train.steps=3", "train.epochs=1")


def test_every_wrong_key_is_named_at_once():
    with pytest.raises(ConfigError) as error:
        load("rollout.group_size=1", "train.lr=1")
    assert "rollout.group_size=1" in str(error.value)
    assert "train.learning_rate" in str(error.value)


def test_missing_model_and_data_are_named():
    with pytest.raises(ConfigError, match=r"model\.path is missing"):
        OnlineConfig.load(None, ["data.path=d"])
    with pytest.raises(ConfigError, match=r"data\.path is missing"):
        OnlineConfig.load(None, ["model.path=m"])


def test_a_word_that_is_no_key_value_is_named():
    with pytest.raises(ConfigError, match="`fast` is neither"):
        load("fast")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: no such configuration file"):
        OnlineConfig.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "model: [unclosed\n", "\x00"])
def test_unreadable_file_is_named(tmp_path, text):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        OnlineConfig.load(file)


def test_yaml_round_trip(tmp_path):
    config = load("data.suffix=' in \\boxed{}: '", "train.betas=[0.8,0.9]")
    file = tmp_path / "c.yaml"
    file.write_text(to_yaml(config))
    assert OnlineConfig.load(file) == config


def test_a_configuration_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load().seed = 3


def test_every_foreign_name_leads_to_a_key():
    keys = set(known_keys(OnlineConfig)) | set(known_keys(DpoConfig))
    assert set(FOREIGN_NAMES.values()) <= keys
    assert not set(FOREIGN_NAMES) & {key for key in keys if "." not in key}


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.name)
def test_shipped_configuration_loads(file):
    if "dpo" in file.stem:
        assert DpoConfig.load(file, ["model.path=m"]).pairs
    else:
        assert OnlineConfig.load(file).rollout.group_size == (16 if "16" in file.stem else 2)


@pytest.mark.parametrize(("command", "name"), [("online", "tiny.yaml"), ("dpo", "tiny-dpo.yaml")])
def test_embedded_configuration_is_the_one_in_configs(command, name):
    assert embedded_config(command).read_bytes() == (CONFIGS / name).read_bytes()


def test_dpo_takes_over_model_data_reward_evaluation_and_seed():
    online = load("eval.data=e.jsonl", "reward.profile=eval", "seed=5", "rollout.max_new_tokens=77")
    config = DpoConfig.for_run(online, {"dpo": {"beta": 0.3}})
    assert (config.model, config.data, config.reward, config.seed) == (online.model, online.data, online.reward, 5)
    assert config.eval.max_new_tokens == 77
    assert config.dpo.beta == 0.3
    assert config.train.learning_rate == 1e-6


def test_dpo_keeps_its_own_defaults_beside_an_override():
    config = DpoConfig.load(None, ["model.path=m", "train.steps=5"])
    assert (config.train.schedule, config.train.rollouts_per_update) == ("linear", 128)


def test_odd_number_of_rollouts_holds_no_pairs():
    with pytest.raises(ConfigError, match=r"train\.rollouts_per_update=7 is odd"):
        DpoConfig.load(None, ["model.path=m", "train.rollouts_per_update=7"])


def test_text_is_never_interpolated(tmp_path):
    for text in ("a ${b} c", "x \\${y}"):
        file = tmp_path / "c.yaml"
        file.write_text(
            to_yaml(load("data.suffix=plain").model_copy(update={"data": DataSection(path="d", suffix=text)}))
        )
        assert OnlineConfig.load(file).data.suffix == text


def test_a_preset_holds_in_python_too():
    config = OnlineConfig(preset="paper-verl", model=ModelSection(path="m"), data=DataSection(path="d"))
    assert (config.advantage.std, config.objective.aggregate, config.train.weight_decay) == (
        "sample",
        "token_mean",
        0.01,
    )


def test_infinity_is_no_number_of_a_configuration():
    with pytest.raises(ConfigError, match=r"rollout\.temperature=inf"):
        load("rollout.temperature=.inf")


def test_a_replay_without_a_correction_is_refused():
    with pytest.raises(ConfigError, match=r"importance\.level=off leaves replay\.rollouts=runs/a uncorrected"):
        load("objective.importance.level=off", "replay.rollouts=runs/a")
