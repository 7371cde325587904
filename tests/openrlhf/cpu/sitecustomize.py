"""What lets the unmodified OpenRLHF 0.11.2 run without a GPU: devices, transport and kernels, none of the algorithm.

Python imports this file by itself at the start of every process whose PYTHONPATH holds this folder: the trainer's,
Ray's workers and vLLM's engines. Each patch is applied when the module it belongs to has been imported, so a process
that needs none of them, such as Ray's own, pays nothing. The folder's `flash_attn` stands in for the package of that
name, which builds with CUDA only.
"""

import functools
import gc
import importlib.util
import sys
from importlib.abc import MetaPathFinder

import probe


class _Cpu(str):
    """The device `cpu` wherever torch reads it, and the number 0 where OpenRLHF writes it into `cuda:{device}`."""

    __slots__ = ()

    def __format__(self, spec):
        return "0"


def _replace(place, name, by):
    """Put `by` where `name` is; that nothing is there is an error, since another release may have moved it."""
    getattr(place, name)
    setattr(place, name, by)


def _devices(cuda):
    """OpenRLHF asks torch.cuda for the device it computes on: let it be the CPU, also where there is a GPU."""
    _replace(cuda, "is_available", lambda: False)
    _replace(cuda, "device_count", lambda: 0)
    _replace(cuda, "current_device", lambda: _Cpu("cpu"))
    for name in ("set_device", "synchronize", "current_stream"):
        _replace(cuda, name, lambda *_args, **_kwargs: None)


def _device_mesh(device_mesh):
    """OpenRLHF asks for a mesh of CUDA devices by name; on the CPU it is gloo's."""
    init = device_mesh.init_device_mesh

    def init_device_mesh(kind, *args, **kwargs):
        return init("cpu" if kind == "cuda" else kind, *args, **kwargs)

    _replace(device_mesh, "init_device_mesh", init_device_mesh)


def _weight_transport(distributed_util):
    """Weights go to vLLM over NCCL: send the same tensors through the TCP store that OpenRLHF sets NCCL up with."""

    class TcpGroup:
        def __init__(self, address, port, rank, world_size, _device):
            from vllm.distributed.utils import StatelessProcessGroup

            self._group = StatelessProcessGroup.create(host=address, port=port, rank=rank, world_size=world_size)

        def broadcast(self, tensor, src, stream=None):  # noqa: ARG002  # NCCL's signature
            # A copy: what is pickled is the whole storage, which DeepSpeed shares between parameters.
            sent = self._group.broadcast(tensor.detach().clone(), src)
            if self._group.rank != src:
                tensor.data.copy_(sent)

    _replace(distributed_util, "stateless_init_process_group", TcpGroup)


def _weight_receiver(vllm_worker_wrap):
    """The receiving end makes its buffer on `cuda`: make that one on the CPU."""
    receive = vllm_worker_wrap.WorkerWrap.update_weight

    @functools.wraps(receive)
    def update_weight(self, *args, **kwargs):
        from torch.overrides import TorchFunctionMode

        class OnCpu(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                moved = {"device": "cpu"} if kwargs and kwargs.get("device") == "cuda" else {}
                return function(*args, **{**(kwargs or {}), **moved})

        with OnCpu():
            return receive(self, *args, **kwargs)

    _replace(vllm_worker_wrap.WorkerWrap, "update_weight", update_weight)


def _plain_linear(layers_utils):
    """VLLM's CPU build packs a layer's weights and frees them: keep them, so that new ones can be loaded."""

    def dispatch(layer, remove_weight):  # noqa: ARG001  # vLLM's signature
        import torch

        layer.cpu_linear = torch.nn.functional.linear

    _replace(layers_utils, "dispatch_cpu_unquantized_gemm", dispatch)


def _no_compiled_collectives(comm_torch):
    """DeepSpeed compiles collectives in shared memory for minutes on first use: gloo's serve."""
    _replace(comm_torch, "build_shm_op", lambda: None)


def _torch_adam(deepspeed_utils):
    """DeepSpeed compiles its AdamW for minutes on first use: torch's computes the same."""
    config_of = deepspeed_utils.get_train_ds_config

    @functools.wraps(config_of)
    def get_train_ds_config(*args, **kwargs):
        config = config_of(*args, **kwargs)
        if "optimizer" in config:
            config["optimizer"]["params"]["torch_adam"] = True
        return config

    _replace(deepspeed_utils, "get_train_ds_config", get_train_ds_config)


PATCHES = {
    "torch.cuda": _devices,
    "torch.distributed.device_mesh": _device_mesh,
    "deepspeed.comm.torch": _no_compiled_collectives,
    "vllm.model_executor.layers.utils": _plain_linear,
    "openrlhf.utils.deepspeed.deepspeed_utils": _torch_adam,
    "openrlhf.utils.distributed_util": _weight_transport,
    "openrlhf.trainer.ray.vllm_worker_wrap": _weight_receiver,
    **dict(probe.PATCHES.values()),
}


class _PatchingFinder(MetaPathFinder):
    """Finds the modules of PATCHES where they are, and has each patched as soon as it has run."""

    def __init__(self):
        self._seen = set()

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002  # importlib's signature
        if name not in PATCHES or name in self._seen:
            return None
        # The finders after this one are asked next, by way of this one.
        self._seen.add(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            PATCHES[name](module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _PatchingFinder())
# A process imports some five thousand modules; collecting garbage as often as usual takes a sixth of that time.
gc.set_threshold(100_000)
