"""A batch is one optimizer step of the real DeepSpeed, however many micro-batches are left of it."""

from pathlib import Path

import pytest
import torch

# Micro-batches of consecutive batches, as skipping leaves them.
COUNTS = (5, 4, 3, 5, 2, 1)
ROWS, FEATURES = 2, 3
LEARNING_RATE = 0.1


def inputs(count, batch):
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(count, ROWS, FEATURES, generator=generator)


def loss_of(model, rows, count):
    # As OpenRLHF normalises: the micro-batches of a step sum to its mean, once DeepSpeed has divided by their number.
    return model(rows).square().sum() / (count * ROWS) * count


def fit_batches(_rank, folder):
    """Run in a process of its own: fit batch after batch by our actor, and write what DeepSpeed has made of each."""
    from types import SimpleNamespace

    import deepspeed

    from twogrpo.openrlhf.actor import PolicyActor
    from twogrpo.openrlhf.settings import Settings

    model = torch.nn.Linear(FEATURES, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    batches = {"train_micro_batch_size_per_gpu": ROWS, "gradient_accumulation_steps": COUNTS[0]}
    config = {**batches, "gradient_clipping": 0.0}
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    settings = SimpleNamespace(config=SimpleNamespace(updates_per_step=1))
    Settings.of_environment = classmethod(lambda _: settings)
    made = []
    for batch, count in enumerate(COUNTS):

        def ppo_train(_kl, batch=batch, count=count):
            for rows in inputs(count, batch):
                engine.backward(loss_of(engine, rows, count))
                engine.step()
            return {}

        actor = object.__new__(PolicyActor)
        args = SimpleNamespace(train=SimpleNamespace(dynamic_batch_enable=False, micro_batch_size=ROWS))
        actor.strategy = SimpleNamespace(args=args, time_steps={})
        actor.actor = SimpleNamespace(model=engine, train=engine.train)
        actor.trainer = SimpleNamespace(replay_buffer=Buffer(count * ROWS), ppo_train=ppo_train)
        actor.fit()
        made.append((engine.global_steps, model.weight.detach().clone()))
    torch.save(made, Path(folder) / "made.pt")


class Buffer:
    """As many rows as a batch has."""

    def __init__(self, rows):
        self._rows = rows

    def __len__(self):
        return self._rows

    def clear(self):
        self._rows = 0


@pytest.fixture(scope="module")
def made(on_cpu, tmp_path_factory):
    """Optimizer steps and weights behind every batch."""
    from torch.multiprocessing import start_processes

    folder = tmp_path_factory.mktemp("optimizer_steps")
    variables = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29611"}
    for name, value in variables.items():
        on_cpu.setenv(name, value)
    start_processes(fit_batches, (str(folder),), nprocs=1, start_method="spawn")
    return torch.load(folder / "made.pt")


def test_every_batch_is_one_step(made):
    assert [steps for steps, _ in made] == list(range(1, 1 + len(COUNTS)))


def test_every_step_is_that_of_the_whole_batch_and_of_no_other(made):
    weight = torch.ones(1, FEATURES)
    for batch, (count, (_, reached)) in enumerate(zip(COUNTS, made, strict=True)):
        rows = inputs(count, batch).flatten(0, 1)
        gradient = 2 * (rows @ weight.T).T @ rows / len(rows)
        weight = weight - LEARNING_RATE * gradient
        torch.testing.assert_close(reached, weight)
