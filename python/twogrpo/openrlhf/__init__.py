"""Online training and DPO on OpenRLHF: Ray, vLLM and DeepSpeed behind the same configuration, store and verifier.

Nothing heavy is imported here. `versions`, `flags` and `dpo_flags` need no package of OpenRLHF's; the modules that run
inside its workers need all of them.
"""
