from twogrpo.config import DpoConfig, OnlineConfig, key_reference
from twogrpo.config.load import known_keys


def test_every_key_has_a_type_and_a_meaning():
    for model in (OnlineConfig, DpoConfig):
        for key in key_reference(model):
            assert key.type != "object", key
            assert key.meaning.endswith((".", ":")) or len(key.meaning) > 20, key


def test_the_reference_lists_each_plain_key_once():
    listed = [key.key for key in key_reference(OnlineConfig)]
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(known_keys(OnlineConfig))
    assert "objective.importance.cap" in listed


def test_required_and_default_values_are_told_apart():
    defaults = {key.key: key.default for key in key_reference(OnlineConfig)}
    assert defaults["model.path"] == "required"
    assert defaults["rollout.group_size"] == 2
