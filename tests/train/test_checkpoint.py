import json

import pytest
import torch

from twogrpo.errors import TrainingError
from twogrpo.train.checkpoint import TrainState, latest_checkpoint, load_optimizer, load_state, save_checkpoint


class Savable(torch.nn.Linear):
    """A layer that saves itself as a transformers model does."""

    def save_pretrained(self, folder):
        torch.save(self.state_dict(), folder / "model.pt")


class SavableTokenizer:
    def save_pretrained(self, folder):
        (folder / "tokenizer.json").write_text("{}")


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Savable(3, 3)


def adam(layer):
    return torch.optim.Adam(layer.parameters(), lr=0.1)


def save(folder, layer, optimizer, step, keep=2):
    state = TrainState(step=step, updates=step, cursor=4 * step)
    tokenizer = SavableTokenizer()
    return save_checkpoint(folder, state, model=layer, tokenizer=tokenizer, optimizer=optimizer, keep=keep)


def test_state_and_optimizer_come_back(tmp_path, layer):
    optimizer = adam(layer)
    layer(torch.ones(3)).sum().backward()
    optimizer.step()
    path = save(tmp_path, layer, optimizer, step=7)
    fresh = adam(layer)
    load_optimizer(fresh, path, torch.device("cpu"))
    assert load_state(path) == TrainState(step=7, updates=7, cursor=28)
    for weight in layer.parameters():
        assert torch.equal(fresh.state[weight]["exp_avg"], optimizer.state[weight]["exp_avg"])


def test_only_the_newest_are_kept(tmp_path, layer):
    for step in (1, 2, 10):
        save(tmp_path, layer, adam(layer), step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000010"]
    assert latest_checkpoint(tmp_path).name == "step-00000010"


def test_a_half_written_checkpoint_does_not_count_and_is_cleared(tmp_path, layer):
    save(tmp_path, layer, adam(layer), 1)
    torn = tmp_path / ".step-00000002.tmp"
    torn.mkdir()
    (torn / "model.pt").write_text("half")
    assert latest_checkpoint(tmp_path).name == "step-00000001"
    save(tmp_path, layer, adam(layer), 3)
    assert not torn.exists()


def test_nothing_saved_is_none(tmp_path):
    assert latest_checkpoint(tmp_path / "none") is None


def test_a_folder_that_was_renamed_is_out_of_the_way(tmp_path, layer):
    save(tmp_path, layer, adam(layer), 1)
    save(tmp_path, layer, adam(layer), 2).rename(tmp_path / "step-00000002.bad")
    assert latest_checkpoint(tmp_path).name == "step-00000001"


@pytest.mark.parametrize("changed", [{"step": "1"}, {"step": 2}, {"step": True}, {"cursor": -4}, {"wall_s": None}])
def test_a_state_that_is_no_run_s_is_refused(tmp_path, layer, changed):
    path = save(tmp_path, layer, adam(layer), 1)
    state = json.loads((path / "trainer_state.json").read_text())
    (path / "trainer_state.json").write_text(json.dumps(state | changed))
    with pytest.raises(TrainingError, match=r"trainer_state\.json is not the state of step-00000001"):
        load_state(path)


def test_the_optimizer_of_another_model_is_refused(tmp_path, layer):
    other = Savable(5, 5)
    optimizer = adam(other)
    other(torch.ones(5)).sum().backward()
    optimizer.step()
    path = save(tmp_path, other, optimizer, 1)
    with pytest.raises(TrainingError, match=r"optimizer\.pt is that of another model"):
        load_optimizer(adam(layer), path, torch.device("cpu"))


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"steps": 1})])
def test_unreadable_state_names_the_file(tmp_path, layer, text):
    path = save(tmp_path, layer, adam(layer), 1)
    (path / "trainer_state.json").write_text(text)
    with pytest.raises(TrainingError, match=r"trainer_state\.json cannot be read"):
        load_state(path)
