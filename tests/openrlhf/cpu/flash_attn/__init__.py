"""Stands in for flash-attn, which OpenRLHF imports whichever attention is asked for: its names, and no kernel."""

__version__ = "0.0.0"
