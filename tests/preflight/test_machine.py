import pytest
import torch

from twogrpo.preflight import machine
from twogrpo.preflight.machine import free_disk, free_memory, in_words


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 kB"), (1500, "2 kB"), (12_345_678, "12.3 MB"), (2.5e9, "2.5 GB"), (1.234e12, "1,234 GB")],
)
def test_sizes_in_words(size, text):
    assert in_words(size) == text


def test_memory_of_the_cpu_is_known_and_of_a_mac_s_gpu_not():
    assert free_memory(torch.device("cpu")) > 0
    assert free_memory(torch.device("mps")) is None


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    limit.write_text("5000\n")
    used.write_text("2000\n")
    monkeypatch.setattr(machine, "_CGROUPS", ((str(limit), str(used)),))
    assert free_memory(torch.device("cpu")) == 3000
    limit.write_text("max\n")
    assert free_memory(torch.device("cpu")) > 3000


def test_space_of_a_folder_that_is_not_there_yet(tmp_path):
    assert free_disk(tmp_path / "a" / "b") > 0
    assert list(tmp_path.iterdir()) == []
