"""A second opinion on answers that the verifier does not accept: math-verify's, in processes that can be killed.

Off unless it is asked for. `review` says what a second opinion may change, `processes` keeps it within its time, and
`worker` is the program in those processes.
"""

from twogrpo.second_opinion.review import ASKED, SecondOpinion

__all__ = ["ASKED", "SecondOpinion"]
