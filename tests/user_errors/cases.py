"""Every case, by the sections of the page."""

from tests.user_errors.cases_configuration import COMMAND_LINE, CONFIGURATION
from tests.user_errors.cases_data import DATA
from tests.user_errors.cases_exchange import EXCHANGE
from tests.user_errors.cases_interrupt import INTERRUPTS
from tests.user_errors.cases_machine import MACHINE
from tests.user_errors.cases_maintenance import MAINTENANCE
from tests.user_errors.cases_model import MODEL
from tests.user_errors.cases_openrlhf import OPENRLHF
from tests.user_errors.cases_replay import REPLAY
from tests.user_errors.cases_reward import REWARD
from tests.user_errors.cases_run import RUN_FOLDER
from tests.user_errors.cases_store import STORE

__all__ = ["SECTIONS"]

SECTIONS = {
    "The command line": COMMAND_LINE,
    "The configuration": CONFIGURATION,
    "Data": DATA,
    "The model": MODEL,
    "The reward": REWARD,
    "The run folder": RUN_FOLDER,
    "The rollout store and its pairs": STORE,
    "Replayed rollouts": REPLAY,
    "Removing, compacting and judging again": MAINTENANCE,
    "Rollouts in and out": EXCHANGE,
    "Devices and disks": MACHINE,
    "OpenRLHF": OPENRLHF,
    "Interrupts and other processes": INTERRUPTS,
}
