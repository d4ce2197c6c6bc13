"""Networks filled from a safetensors file, whose header limits what is built and read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bimotion.errors import ConfigError, ModelError
from bimotion.storage.model_folder import SCALE
from bimotion.storage.tensor_files import check_shapes, read_tensor_header, read_tensors

Network = TypeVar("Network", bound=nn.Module)

SPARE_ELEMENTS = 1 << 22
"""Elements that a network may allocate beyond those of the file, for tables that are computed, not stored."""

MIN_ELEMENTS = 4096
"""Each tensor counts as at least this many elements, because a configuration of a million tiny layers would take
minutes."""


def network_of_file(
    make: Callable[[], Network],
    weights: Path,
    device: torch.device | str = "cpu",
    *,
    extra: Sequence[str] = (),
) -> tuple[Network, dict[str, Tensor]]:
    """The network that `make` returns, filled from a file, in single precision and eval mode, and the `extra` tensors.

    Nothing is built or read before the file's header is found to fit the file, and no weight is read before the
    network's names and shapes are found to be exactly those of the header. Matrices in 8 bits are multiplied by the
    scales of their rows; see `quantised`.

    Raises:
        ModelError: the file is missing or damaged, or does not fit the network.
    """
    header = read_tensor_header(weights)
    if missing := [name for name in extra if name not in header]:
        raise ModelError(f"{weights}: the tensor {missing[0]} is missing")
    network = build(make, [info.size for info in header.values()], str(weights))
    scales = {
        name + SCALE
        for name, info in header.items()
        if info.dtype == "I8" and name + SCALE in header and header[name + SCALE].shape == info.shape[:1]
    }
    shapes = {name: info.shape for name, info in header.items() if name not in {*extra, *scales}}
    check_shapes(_shapes(network.state_dict()), shapes, weights, ModelError)
    state = {name: value.float() for name, value in read_tensors(weights, device=device).items()}
    others = {name: state.pop(name) for name in extra}
    for name in scales:
        state[name.removesuffix(SCALE)] *= state.pop(name)[:, None]
    network.load_state_dict(state, assign=True)
    return network.to(device).eval(), others


def quantised(name: str, matrix: Float[Tensor, "N D"]) -> dict[str, Tensor]:
    """A matrix in 8 bits, and the scales of its rows, by the names under which `network_of_file` expects them."""
    scale = (matrix.abs().amax(1, keepdim=True) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    return {name: (matrix / scale).round().to(torch.int8), name + SCALE: scale[:, 0]}


def stored_state(network: nn.Module, dtype: torch.dtype, int8: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The tensors of a network as they are stored: parameters as `dtype`, statistics in single precision.

    Matrices whose names begin with one of `int8` are in 8 bits, with a scale per row.

    Raises:
        ModelError: a value does not fit into `dtype`.
    """
    parameters = {name for name, _ in network.named_parameters()}
    state: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        stored = value.detach().to("cpu", dtype if name in parameters else torch.float32).contiguous()
        if not stored.isfinite().all():
            raise ModelError(f"{name} has values that are not finite as {dtype}")
        if name in parameters and value.ndim == 2 and name.startswith(int8):
            state |= quantised(name, value.detach().cpu().float())
        else:
            state[name] = stored
    return state


def build(make: Callable[[], Network], sizes: Sequence[int], where: str) -> Network:
    """The network that `make` returns, with uninitialised parameters, as they are overwritten.

    Raises:
        ModelError: it allocates far more elements than tensors of `sizes` hold, or its configuration cannot be built.
    """
    limit = sum(max(size, MIN_ELEMENTS) for size in sizes) + SPARE_ELEMENTS
    try:
        with _Unfilled(limit):
            return make()
    except ConfigError as error:
        raise ModelError(f"{where}: {error}") from None
    except (RuntimeError, MemoryError, ArithmeticError, ValueError, TypeError) as error:
        raise ModelError(f"{where}: no network of this configuration can be built ({error})") from None


def check_state(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], where: str) -> None:
    """Raise a `ModelError` that names what is missing, superfluous or of another shape, if anything is."""
    check_shapes(_shapes(expected), _shapes(state), where, ModelError)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


_ALLOCATORS = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.randn, torch.full, torch.arange, torch.linspace, torch.eye)
) | {Tensor.__deepcopy__, Tensor.clone}
"""Functions that allocate memory in the constructors of networks."""


class _Unfilled(TorchFunctionMode):
    """While this is active, parameters are allocated but not filled, so that their memory is not touched; counts
    elements.

    The meta device would do so too, but loads torch's compiler: 0.8 s against 0.02 s, for 20 million parameters.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        filling = func in (Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_)
        if filling or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        result = (torch.empty if func is torch.randn else func)(*args, **kwargs)
        if func in _ALLOCATORS:
            self.left -= max(result.numel(), MIN_ELEMENTS)
            if self.left < 0:
                raise ConfigError("the configuration describes a network much larger than the stored weights")
        return result
