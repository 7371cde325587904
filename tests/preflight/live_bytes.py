"""How many bytes of tensors live at once: a tensor counts from the operation that makes it to its end."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts storages made while it is entered: `now`, and `peak` at most. Scratch inside an operation is not seen."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._known = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf.untyped_storage())
        return result

    def leave_out(self, tensor):
        """Never count a tensor, or what shares its storage."""
        self._known[tensor.untyped_storage()._cdata] = None

    def _note(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def end(_):
            self.now -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, end)
        self.now += size
        self.peak = max(self.peak, self.now)
