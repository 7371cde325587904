"""What a run says while it goes: metrics.jsonl always, and one line a step or a live bar on stderr."""

from twogrpo.monitor.console import Console
from twogrpo.monitor.metrics import MetricsLog

__all__ = ["Console", "MetricsLog"]
