"""Machine words for the compiled pass over text: eight bytes at a time, and sixty-four compared at once.

Each is a few lines of LLVM's own language, which numba turns into what the processor at hand has (AVX-512, AVX2, NEON
or plain words). Nothing here looks whether a place lies within the array: callers keep room on both sides of the text.
Words are little-endian, as on all processors that numba has wheels for: the first byte is the lowest.
"""

# ruff: noqa: ARG001 - numba asks for the parameters by name and hands over the values apart.

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)
_MANY = ir.VectorType(ir.IntType(8), 64)


def _at(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Return the address of a byte of a byte array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def load_word(_: Any, data: Any, place: Any) -> Any:
    """Return the eight bytes of `data` from `place` on as one uint64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address = _at(context, builder, signature.args[0], *values)
        word = builder.load(builder.bitcast(address, _WORD.as_pointer()), typ=_WORD)
        word.align = 1
        return word

    return types.uint64(data, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def store_word(_: Any, data: Any, place: Any, word: Any) -> Any:
    """Write a uint64 as the eight bytes of `data` from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address = _at(context, builder, signature.args[0], *values[:2])
        stored = builder.store(values[2], builder.bitcast(address, _WORD.as_pointer()))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def equal_bytes(_: Any, data: Any, place: Any, byte: Any) -> Any:
    """Return which of the 64 bytes of `data` from `place` on equal `byte`: bit 0 is for the first."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address = _at(context, builder, signature.args[0], *values[:2])
        text = builder.load(builder.bitcast(address, _MANY.as_pointer()), typ=_MANY)
        text.align = 1
        nothing, lane = ir.Constant(_MANY, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(nothing, values[2], ir.Constant(lane, 0))
        wanted = builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(lane, 64), [0] * 64))
        return builder.bitcast(builder.icmp_unsigned("==", text, wanted), _WORD)

    return types.uint64(data, types.intp, types.uint8), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def count_bits(_: Any, word: Any) -> Any:
    """Return how many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del context, signature
        return builder.ctpop(values[0])

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def first_bit(_: Any, word: Any) -> Any:
    """Return the number of the lowest bit that is set, 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del context, signature
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def turned(_: Any, word: Any) -> Any:
    """Return a word with its bytes in the opposite order."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del context, signature
        return builder.bswap(values[0])

    return types.uint64(types.uint64), generate
