"""Every flag, and every name that is put in another's place, is what the installed OpenRLHF has: read in its sources.

After a change of the pinned version these tests say where it differs. Nothing of OpenRLHF is imported.
"""

import ast
from functools import cache
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import twogrpo
from scripts.openrlhf_flags import TARGET, parser_of, text
from tests.openrlhf_flags.configs import dpo_words, online_words
from twogrpo.openrlhf import dpo_flags, flags
from twogrpo.openrlhf.versions import PINS, check_versions

OWN = Path(twogrpo.__file__).parent / "openrlhf"
THEIRS = Path(find_spec("openrlhf").submodule_search_locations[0])

# Classes of OpenRLHF's that ours derive from, and the methods of theirs that ours replace.
REPLACED_METHODS = {
    "openrlhf.trainer.ppo_utils.samples_generator:SamplesGenerator": (
        "generate_samples",
        "generate_eval_samples",
        "_generate_vllm",
        "_process_response_into_experience",
    ),
    "openrlhf.trainer.ppo_utils.experience_maker:RemoteExperienceMaker": ("make_experience_batch", "make_experience"),
    "openrlhf.trainer.ppo_trainer:BasePPOTrainer": (
        "train_step",
        "broadcast_to_vllm",
        "save_logs_and_checkpoints",
        "save_best_checkpoint",
        "_compute_rollout_stats",
    ),
    "openrlhf.trainer.ppo_trainer:PPOTrainer": ("fit",),
    "openrlhf.trainer.ppo_trainer_async:GenerateSamplesActor": ("fit",),
    "openrlhf.trainer.ray.ppo_actor:PolicyModelActor": ("fit",),
    "openrlhf.utils.agent:AgentExecutorBase": ("execute",),
    "openrlhf.trainer.dpo_trainer:DPOTrainer": ("fit", "save_logs_and_checkpoints"),
    "openrlhf.utils.distributed_sampler:DistributedSampler": ("__init__", "__iter__"),
}


@cache
def tree(module):
    """Return the parsed source of a module of OpenRLHF's."""
    path = THEIRS.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def names(module):
    """Return what a module defines or imports at its top."""
    for node in tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)


def constant(file, name):
    """Return a constant of one of our modules that cannot be imported without Ray."""
    for node in ast.parse((OWN / file).read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return ast.literal_eval(node.value)
    raise AssertionError(f"{file} has no {name}")


def imports():
    """Yield module and name of everything that our modules import from OpenRLHF."""
    for file in sorted(OWN.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "openrlhf":
                yield from ((node.module, alias.name) for alias in node.names)


def is_there(module, name):
    submodule = THEIRS.joinpath(*module.split(".")[1:], name)
    return name in names(module) or submodule.is_dir() or submodule.with_suffix(".py").is_file()


def test_the_pinned_versions_are_here():
    check_versions([pin.name for pin in PINS if pin.name != "flash_attn"])


def test_the_pins_are_what_openrlhf_asks_for():
    wanted = [each for each in map(Requirement, requires("openrlhf")) if "latest" not in str(each.marker)]
    asked = {each.name: str(each.specifier) for each in wanted}
    pinned = {pin.distributions[0]: pin.expected for pin in PINS if pin.name not in ("openrlhf", "torch", "flash_attn")}
    assert {name: f"=={expected}" for name, expected in pinned.items()} == {name: asked[name] for name in pinned}


def test_the_list_of_known_flags_is_that_of_this_version():
    assert TARGET.read_text(encoding="utf-8") == text(), "run scripts/openrlhf_flags.py where OpenRLHF is installed"


@pytest.mark.parametrize("mode", ["sync", "async", "colocated"])
def test_the_online_parser_takes_every_flag(mode):
    overrides = ["eval.data=e", "model.gradient_checkpointing=true", f"openrlhf.mode={mode}"]
    words = online_words(*overrides, "openrlhf.extra=[--ds.adam_offload]", is_resumed=True)
    parsed = vars(parser_of(flags.COMMAND).parse_args(words))
    assert parsed["rollout.n_samples_per_prompt"] == 2
    assert parsed["actor.eps_clip_low_high"] == [0.2, 0.2]
    assert parsed["algo.advantage.is_correction_threshold"] == [0.0, 2.0]
    assert parsed["actor.adam.betas"] == [0.9, 0.999]
    assert parsed["ckpt.load_enable"]
    assert parsed["train.async_enable"] == (mode == "async")


def test_the_dpo_parser_takes_every_flag():
    words = dpo_words("model.lora.rank=8", "model.lora.targets=[q_proj,v_proj]", is_resumed=True)
    parsed = vars(parser_of(dpo_flags.COMMAND).parse_args(words))
    assert parsed["ds.lora.alpha"] == 16
    assert parsed["ds.lora.target_modules"] == ["q_proj", "v_proj"]
    assert parsed["train.batch_size"] == 64


@pytest.mark.parametrize("place", constant("trainer.py", "INSTALLED"))
def test_a_name_that_online_training_replaces_is_there(place):
    module, _, name = place.partition(":")
    assert name in set(names(module))


@pytest.mark.parametrize(("module", "name"), constant("dpo_worker.py", "REPLACED"))
def test_a_name_that_preference_training_replaces_is_there(module, name):
    assert name in set(names(module))


@pytest.mark.parametrize(("module", "name"), sorted(set(imports())))
def test_a_name_that_is_imported_is_there(module, name):
    assert is_there(module, name)


@pytest.mark.parametrize(("place", "methods"), REPLACED_METHODS.items(), ids=REPLACED_METHODS)
def test_a_method_that_is_replaced_is_there(place, methods):
    module, _, name = place.partition(":")
    found = next(node for node in tree(module).body if isinstance(node, ast.ClassDef) and node.name == name)
    have = {node.name for node in found.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert set(methods) <= have


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("train_ppo_ray", "PolicyModelActor"),
        ("train_ppo_ray", "PPOTrainer"),
        ("train_ppo_ray", "PPOTrainerAsync"),
        ("train_dpo", "RewardDataset"),
        ("train_dpo", "DPOTrainer"),
    ],
)
def test_a_program_looks_a_replaced_name_up_when_it_starts(command, name):
    """The programs import these names themselves: what was put in their place before is what they get."""
    imported = {
        alias.name
        for node in ast.walk(tree(f"openrlhf.cli.{command}"))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert name in imported
