"""NumPy arrays and PyTorch tensors as views of bytes, and back. Neither library is imported before it is needed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Optional

#: Bytes of one element, by PyTorch's name of the type. Types below a byte are not here.
WIDTHS: dict[str, int] = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "uint64": 8, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex32": 4, "complex64": 8, "complex128": 16,
    "float8_e4m3fn": 1, "float8_e4m3fnuz": 1, "float8_e5m2": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1,
}  # fmt: skip

#: Types of NumPy itself; the others are those of ml_dtypes.
_NUMPY = frozenset(
    "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64 complex128".split()
)

_PAIRED = "float4_e2m1fn"


@dataclass
class Place:
    """A tensor as a view of a storage."""

    dtype: str
    shape: tuple[int, ...]
    #: In elements.
    strides: tuple[int, ...]
    #: In elements.
    offset: int
    #: Where the whole storage is.
    address: int
    byte_count: int
    #: One of `mr_role`.
    role: int
    #: Keeps the storage alive.
    owner: Any


class Unsuitable(TypeError):
    """An array or tensor that has no place in a checkpoint."""


def torch() -> Any:
    """PyTorch, where the program has imported it."""
    return sys.modules.get("torch")


def numpy() -> Any:
    """NumPy, where the program has imported it."""
    return sys.modules.get("numpy")


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    library = torch()
    return library is not None and isinstance(value, library.Tensor)


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy."""
    library = numpy()
    return library is not None and isinstance(value, library.ndarray)


def is_scalar(value: Any) -> bool:
    """Whether a value is a number of NumPy."""
    library = numpy()
    return library is not None and isinstance(value, library.generic)


class HostCopies:
    """Storages of other devices, each copied to the processor's memory once, so that ties stay ties."""

    def __init__(self) -> None:
        self._copies: dict[tuple[str, int], Any] = {}

    def of(self, tensor: Any) -> Any:
        """The whole storage of a tensor, as bytes in the processor's memory."""
        library = torch()
        storage = tensor.untyped_storage()
        key = (str(tensor.device), storage.data_ptr())
        if key not in self._copies:
            # Bytes of any type can be copied as such; pinned memory is filled by the device itself.
            source = library.empty(0, dtype=library.uint8, device=tensor.device).set_(
                storage, 0, (storage.nbytes(),), (1,)
            )
            pinned = tensor.device.type == "cuda"
            target = library.empty(storage.nbytes(), dtype=library.uint8, pin_memory=pinned)
            target.copy_(source, non_blocking=pinned)
            if pinned:
                library.cuda.synchronize(tensor.device)
            self._copies[key] = target.untyped_storage()
        return self._copies[key]


#: PyTorch's names of its types, as they are met.
_NAMES: dict[Any, str] = {}


def place_of_tensor(tensor: Any, copies: HostCopies) -> Place:
    """How a tensor of PyTorch lies in its storage."""
    library = torch()
    kind = type(tensor)
    if kind is library.nn.Parameter:
        role = 1 if tensor.requires_grad else 3
    elif kind is library.Tensor or kind is getattr(library.nn, "Buffer", None):
        role = 4 if tensor.requires_grad and tensor.is_leaf else 0
    else:
        advice = "save full_tensor() of it, or checkpoint by modelreg.dcp" if kind.__name__ == "DTensor" else (
            "save its as_subclass(torch.Tensor), or what it consists of"
        )
        raise Unsuitable(f"a {kind.__module__}.{kind.__qualname__}; {advice}")
    if tensor.layout is not library.strided or tensor.is_nested or tensor.is_meta or tensor.is_quantized:
        raise _unsuitable(tensor, library)
    dtype = _NAMES.get(tensor.dtype)
    if dtype is None:
        dtype = _NAMES[tensor.dtype] = str(tensor.dtype).split(".", 1)[-1]
    if tensor.is_neg() or dtype.startswith("complex") and tensor.is_conj():
        tensor = tensor.detach().resolve_conj().resolve_neg()
    storage = tensor.untyped_storage() if tensor.is_cpu else copies.of(tensor.detach())
    shape, strides, offset = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    if dtype not in WIDTHS:
        if dtype != "float4_e2m1fn_x2":
            raise Unsuitable(f"elements of the type {tensor.dtype}; convert them to another type")
        # PyTorch counts pairs.
        if not tensor.is_contiguous() or offset != 0 or not shape:
            raise Unsuitable(
                "elements of half a byte that do not lie in row-major order from the first byte on; save its clone()"
            )
        dtype, shape = _PAIRED, (*shape[:-1], 2 * shape[-1])
        strides = _row_major(shape)
    byte_count, address = storage.nbytes(), storage.data_ptr()
    if byte_count and not address:
        raise Unsuitable("a tensor without values; initialise it first")
    return Place(dtype, shape, strides, offset, address, byte_count, role, storage)


def _unsuitable(tensor: Any, library: Any) -> Unsuitable:
    """Why a tensor has no storage whose elements are its values."""
    if tensor.is_nested:
        return Unsuitable("a nested tensor; save the list that its unbind() gives")
    if tensor.layout is not library.strided:
        return Unsuitable(f"a tensor with the layout {tensor.layout}; save tensor.to_dense(), or its parts")
    if tensor.is_meta:
        return Unsuitable("a tensor on the device meta, which has no values; load or initialise it first")
    return Unsuitable("a quantised tensor; save tensor.int_repr() and its scales")


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


def advice_for(dtype: str) -> str:
    """What to save instead of elements of a type of NumPy that has no place."""
    if dtype.startswith(("datetime64", "timedelta64")):
        return 'save its view("int64")'
    if dtype.startswith("void") or dtype == "record":
        return "save an array for each field"
    return "save its tolist(), or its astype() of a number of at most 8 bytes"


def place_of_array(array: Any) -> Place:
    """How an array of NumPy lies in its memory."""
    library = numpy()
    if type(array) not in (library.ndarray, library.memmap):
        kind = type(array)
        raise Unsuitable(f"a {kind.__module__}.{kind.__qualname__}; save numpy.asarray of it, and what it has besides")
    dtype = array.dtype
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
        dtype = array.dtype
    name = "bool" if dtype.name == "bool_" else dtype.name
    if name not in WIDTHS or dtype.hasobject:
        raise Unsuitable(f"an array of {dtype}; {advice_for(dtype.name)}")
    width = dtype.itemsize
    low, high, root = _extent(array, library)
    address = array.__array_interface__["data"][0]
    fits = all(stride >= 0 and stride % width == 0 for stride in array.strides)
    if array.size == 0:
        return Place(name, array.shape, _row_major(array.shape), 0, 0, 0, 0, array)
    if not fits or (address - low) % width:
        array = library.array(array, order="C", copy=True)
        address = low = array.__array_interface__["data"][0]
        high, root = low + array.nbytes, array
    strides = tuple(stride // width for stride in array.strides)
    return Place(name, array.shape, strides, (address - low) // width, low, high - low, 0, root)


def _extent(array: Any, library: Any) -> tuple[int, int, Any]:
    """The memory of the array that this one is, in the end, a view of."""
    root = array
    while type(root.base) in (library.ndarray, library.memmap):
        root = root.base
    bounds = getattr(library.lib, "array_utils", library).byte_bounds
    low, high = bounds(root)
    start, end = bounds(array)
    if start < low or end > high:
        low, high, root = start, end, array
    return low, high, root


# Loading


def _groups(lengths: list[int]) -> list[list[int]]:
    """Numbers of storages that share memory, in order."""
    groups: list[list[int]] = []
    room = 0
    for index, length in enumerate(lengths):
        if not groups or length >= _ALONE_BYTE_COUNT or length > room:
            groups.append([])
            room = 0 if length >= _ALONE_BYTE_COUNT else _SHARED_BYTE_COUNT
        groups[-1].append(index)
        room -= length
    return groups


def default_framework() -> str:
    """PyTorch, where the program uses it, else NumPy."""
    return "torch" if torch() is not None else "numpy"


#: Storages below this share memory with others, so that there is enough together for huge pages.
_ALONE_BYTE_COUNT = 16 << 20
#: Memory that storages share, at most: what one of them alone keeps alive.
_SHARED_BYTE_COUNT = 64 << 20
#: Storages begin at multiples of this: a cache line.
_ALIGNMENT = 64


class Storages:
    """Memory for the storages of a layout: NumPy's, as it asks the system for huge pages where there is much."""

    def __init__(self, framework: str) -> None:
        if framework not in ("torch", "numpy"):
            raise ValueError(f'framework is "torch" or "numpy", not {framework!r}')
        self.framework = framework
        self._numpy: Any = None
        self._torch: Any = None
        self._bytes: list[Any] = []
        self._moved: dict[int, Any] = {}

    def _prepare(self) -> None:
        try:
            import numpy as library

            self._numpy = library
        except ImportError:
            if self.framework == "numpy":
                raise ImportError("tensors are loaded by NumPy or PyTorch: pip install numpy") from None
        if self.framework == "torch":
            import torch as tensors

            self._torch = tensors

    def allocate(self, lengths: list[int], zeroed: list[bool]) -> list[tuple[int, int]]:
        """Makes storages; their addresses and lengths."""
        if not lengths:
            return []
        self._prepare()
        places: list[tuple[int, int]] = []
        for group in _groups(lengths):
            total = sum(lengths[index] + _ALIGNMENT for index in group)
            if self._numpy is None:
                memory = self._torch.empty(total, dtype=self._torch.uint8)
                address = memory.data_ptr()
            else:
                memory = self._numpy.empty(total, dtype="uint8")
                address = memory.__array_interface__["data"][0]
            start = -address % _ALIGNMENT
            for index in group:
                part = memory[start : start + lengths[index]]
                if zeroed[index]:
                    part[:] = 0
                self._bytes.append(part)
                places.append((address + start, lengths[index]))
                start += (lengths[index] + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
        return places

    def view(
        self, path: str, dtype: str, storage: int, offset: int, shape: list[int], strides: list[int], role: int,
        framework: Optional[str], device: Any,
    ) -> Any:  # fmt: skip
        """A view of a storage that has been filled."""
        if (framework or self.framework) == "numpy":
            return self._array(path, dtype, storage, offset, shape, strides)
        return self._tensor(path, dtype, storage, offset, shape, strides, role, device)

    def _array(self, path: str, dtype: str, storage: int, offset: int, shape: list[int], strides: list[int]) -> Any:
        library = self._numpy
        if library is None:
            raise ImportError(f'"{path}" is an array of NumPy: pip install numpy')
        kind = numpy_type(dtype, path)
        width = kind.itemsize
        if 0 in shape:
            return library.empty(shape, kind)
        return library.ndarray(
            tuple(shape), kind, self._bytes[storage], offset * width, tuple(stride * width for stride in strides)
        )

    def _tensor(
        self, path: str, dtype: str, storage: int, offset: int, shape: list[int], strides: list[int], role: int,
        device: Any,
    ) -> Any:  # fmt: skip
        if self._torch is None:
            import torch as library
        else:
            library = self._torch
        paired = dtype == _PAIRED
        kind = getattr(library, "float4_e2m1fn_x2" if paired else dtype, None)
        if kind is None:
            raise TypeError(f'dtype {dtype} at "{path}": this PyTorch has no such type')
        if paired:
            shape = [*shape[:-1], shape[-1] // 2]
            strides = list(_row_major(tuple(shape)))
        if 0 in shape:
            tensor = library.empty_strided(shape, strides, dtype=kind, device=device)
        else:
            base = self._moved.get(storage)
            if base is None:
                base = self._bytes[storage]
                # PyTorch's own part of memory is no storage of its own.
                base = library.from_numpy(base) if self._numpy is not None else base.clone()
                if device is not None:
                    base = base.to(device)
                self._moved[storage] = base
            tensor = library.empty(0, dtype=kind, device=base.device).set_(
                base.untyped_storage(), offset, shape, strides
            )
        if role in (1, 3):
            return library.nn.Parameter(tensor, requires_grad=role == 1)
        return tensor.requires_grad_() if role == 4 else tensor


def numpy_type(dtype: str, path: str) -> Any:
    """NumPy's type for an element."""
    import numpy as library

    if dtype in _NUMPY:
        return library.dtype(dtype)
    try:
        import ml_dtypes

        return library.dtype(getattr(ml_dtypes, dtype))
    except (ImportError, AttributeError, TypeError):
        raise TypeError(
            f'dtype {dtype} at "{path}": NumPy has no such type; pip install ml_dtypes, or load with framework="torch"'
        ) from None
