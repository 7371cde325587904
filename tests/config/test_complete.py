import pytest

from twogrpo.config import OnlineConfig, to_yaml
from twogrpo.config.complete import complete_values
from twogrpo.config.embedded import embedded_config
from twogrpo.errors import ConfigError


def test_a_file_is_filled_up_with_defaults(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("seed: 3\n")
    values = complete_values(file)
    assert (values["seed"], values["rollout"]["group_size"]) == (3, 2)


def test_a_path_left_to_the_command_line_is_not_made_up(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("data: {path: d.jsonl}\n")
    values = complete_values(file)
    assert "path" not in values["model"]
    assert values["data"]["path"] == "d.jsonl"


def test_a_dpo_file_is_known_by_its_sections():
    assert complete_values(embedded_config("dpo"))["dpo"]["beta"] == 0.5


def test_a_run_folder_gives_what_was_written(tmp_path):
    config = OnlineConfig.load(None, ["model.path=m", "data.path=d"])
    (tmp_path / "config.resolved.yaml").write_text(to_yaml(config) + "of_another_version: 1\n")
    assert complete_values(tmp_path)["of_another_version"] == 1


def test_another_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is not a run folder"):
        complete_values(tmp_path)
