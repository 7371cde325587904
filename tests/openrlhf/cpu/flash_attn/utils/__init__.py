"""Holds `distributed`, as flash-attn does."""
