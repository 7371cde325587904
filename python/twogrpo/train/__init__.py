"""The single-machine engine: online 2-GRPO and DPO on one device, with exact resume.

A loop is a function over a state (`online.py`, `dpo.py`); what both share stands in `session.py`.
"""

from twogrpo.train.dpo import train_dpo
from twogrpo.train.online import train_online
from twogrpo.train.session import RunResult

__all__ = ["RunResult", "train_dpo", "train_online"]
