"""A run's folder as `online` leaves it, without training: its configuration, and a store of given responses."""

from transformers import AutoTokenizer

from twogrpo import OnlineConfig, RolloutStore
from twogrpo.config import to_yaml
from twogrpo.prompts import PromptSet

# Of each problem a right response and a wrong one, the last wrong one cut; a problem that is decided by neither.
RESPONSES = (
    (r"3+4=7.\boxed{7}", r"\boxed{8}"),
    (r"\boxed{11}", "5+6=11\nso \\boxed{12}\n"),
    (r"\boxed{4}", r"3+1=4=4=4"),
    (r"\boxed{9}", r"\boxed{9}"),
)
REWARDS = ((1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def build_run(folder, model_folder, problems, *keys, keep_text=True, steps=2):
    """Write the run of some problems, at least four, one store's segment a step, and return its folder."""
    sources = [f"run_dir={folder}", f"model.path={model_folder}", f"data.path={problems}"]
    config = OnlineConfig.load(None, [*sources, *keys])
    folder.mkdir(parents=True)
    (folder / "config.resolved.yaml").write_text(to_yaml(config))
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    data = config.data
    prompts = PromptSet.load(data.path, tokenizer, system=data.system, suffix=data.suffix, template=data.template)
    with RolloutStore.open(folder / "rollouts", run_id="run") as store:
        for step in range(steps):
            store.append(_rollouts(prompts, tokenizer, step, keep_text=keep_text), step)
    return folder


def _rollouts(prompts, tokenizer, step, *, keep_text):
    import polars as pl

    rows = []
    for index, (responses, rewards) in enumerate(zip(RESPONSES, REWARDS, strict=True)):
        prompt = prompts[index]
        for member, (response, reward) in enumerate(zip(responses, rewards, strict=True)):
            is_cut = response.endswith("=4")
            ids = tokenizer(response)["input_ids"] + ([] if is_cut else [tokenizer.eos_token_id])
            rows.append(
                {
                    "group_id": step * len(RESPONSES) + index,
                    "rollout_idx": member,
                    "dataset": prompt.dataset,
                    "prompt_id": prompt.prompt_id,
                    "prompt": prompt.text,
                    "gold": prompt.golds[0],
                    "prompt_ids": list(prompt.token_ids),
                    "response_ids": ids,
                    "reward": reward,
                    "finish_reason": "length" if is_cut else "stop",
                    **({"response": response} if keep_text else {}),
                }
            )
    return pl.DataFrame(rows)
