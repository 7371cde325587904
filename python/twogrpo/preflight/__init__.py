"""What a dry run looks at before anything is written: all that would stop a run or surprise its user.

Each part of a run has a module that returns a section of facts and warnings; `online` and `dpo` put the report
together, `render` prints it. No weights are loaded and nothing is sampled.
"""

from twogrpo.preflight.dpo import preflight_dpo
from twogrpo.preflight.online import preflight_online
from twogrpo.preflight.render import render
from twogrpo.preflight.report import Fact, Problem, Report, Section

__all__ = ["Fact", "Problem", "Report", "Section", "preflight_dpo", "preflight_online", "render"]
