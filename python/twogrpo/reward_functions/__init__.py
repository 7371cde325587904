"""The verifier as a reward function of other trainers: one file a trainer, none of which imports it.

`trl` takes the place of `trl.rewards.accuracy_reward`, `verl` is a `custom_reward_function`, and `openrlhf` a file for
`--reward.remote_url`. They give 1 or 0. Where the gold answer cannot be read there is no reward: TRL is told so with
None; verl and OpenRLHF know no such thing, so these rows get a number of the user's choice and are counted.
"""
