"""A second process on a run that is alive is refused and changes nothing."""

import subprocess
import sys
import time


def command(tmp_path, model_folder, problems, parity_reward, *extra):
    keys = {
        "run_dir": tmp_path / "run",
        "model.path": model_folder,
        "data.path": problems,
        "reward.function": parity_reward,
        "rollout.prompts_per_step": 6,
        "rollout.max_new_tokens": 8,
        "train.steps": 5000,
        "train.threads": 1,
    }
    return [sys.executable, "-m", "twogrpo", "online", *(f"{key}={value}" for key, value in keys.items()), *extra]


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path, model_folder, problems, parity_reward):
    arguments = command(tmp_path, model_folder, problems, parity_reward)
    first = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = tmp_path / "run" / "metrics.jsonl"
    try:
        deadline = time.monotonic() + 120
        while not metrics.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        second = subprocess.run([*arguments, "--resume"], capture_output=True, text=True, check=False)
        lines = metrics.read_text().splitlines()
    finally:
        first.kill()
        first.wait()
    assert second.returncode == 4
    assert str(first.pid) in second.stderr
    assert '"step": 0' in lines[0]
