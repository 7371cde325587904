"""What is asked of stored rollouts and done with them, above the store that keeps them.

Left out on purpose: appending, resuming and checking (`twogrpo.store`), and building pairs (`twogrpo.pairs`).
"""
