"""Sixteen cells of a table parsed and held to their bounds at once, in LLVM's own language.

Left to numba the same steps would be done on words of 64 bits, twice as wide as needed, for it widens all whole
numbers. LLVM turns these into what the processor at hand has.
"""

# ruff: noqa: ARG001 - numba asks for the parameters by name and hands over the values apart.

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

CELLS = 16
# Four digits, and the zero that a decimal without a point is given.
MOST_DIGITS = 99_999
# What a cell that is no plain number becomes, below all that are.
BAD, BLANK = -(2**31), -(2**31) + 2
# What a column may hold, as bits that can be joined.
IS_WHOLE, IS_DECIMAL, MAY_BE_BLANK = 1, 2, 4

_WIDE, _NARROW = ir.VectorType(ir.IntType(64), CELLS), ir.VectorType(ir.IntType(32), CELLS)
_POINT = ord(".") ^ ord("0")


def _all(kind: Any, value: int) -> Any:
    """Return a vector with one value in every place."""
    return ir.Constant(kind, [value] * CELLS)


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def parse_sixteen(_: Any, words: Any, ends: Any, pattern: Any, cells: Any, at: Any, place: Any) -> Any:
    """Parse cells `at` to `at + 15` into `cells`; return, as bits, which of them are not as `pattern` wants them.

    A cell stands between `ends[at]` and `ends[at + 1]`, and `words[at]` is the eight bytes before the latter. It becomes
    twice its digits as one number, plus one where a point stands before the last; `BLANK` where it has no character;
    `BAD` where it is none of these or has more than four digits. Decimals without a point are turned into tenths. From
    `place` on, the rows of `pattern` have the least and the greatest that each cell may become, and what its column may
    hold (`IS_WHOLE` and so on, 0 for what is not looked at).
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def address(number: int, first: Any, kind: Any, row: int = 0) -> Any:
            array = context.make_array(signature.args[number])(context, builder, values[number])
            start = array.data
            if row:
                width = builder.extract_value(array.shape, 1)
                first = builder.add(first, builder.mul(width, ir.Constant(width.type, row)))
            return builder.bitcast(builder.gep(start, [first]), kind.as_pointer())

        def load(number: int, first: Any, kind: Any = _NARROW, row: int = 0) -> Any:
            loaded = builder.load(address(number, first, kind, row), typ=kind)
            loaded.align = 4
            return loaded

        def narrow(value: int) -> Any:
            return _all(_NARROW, value & 0xFFFFFFFF)

        def bits(vector: Any, mask: int) -> Any:
            return builder.and_(vector, narrow(mask))

        def has(vector: Any, mask: int) -> Any:
            return builder.icmp_unsigned("!=", bits(vector, mask), narrow(0))

        at_, place_ = values[4], values[5]
        after = builder.add(at_, ir.Constant(at_.type, 1))
        length = builder.sub(builder.sub(load(1, after), load(1, at_)), narrow(1))
        # What is not of a cell is shifted out at the low end, where the first characters are.
        spare = builder.zext(bits(builder.sub(narrow(8), length), 7), _WIDE)
        spare = builder.shl(spare, _all(_WIDE, 3))
        bare = builder.xor(load(0, at_, _WIDE), _all(_WIDE, 0x3030303030303030))
        bare = builder.shl(builder.lshr(bare, spare), spare)
        low = builder.trunc(bare, _NARROW)
        middle = builder.trunc(builder.lshr(bare, _all(_WIDE, 24)), _NARROW)
        high = builder.trunc(builder.lshr(bare, _all(_WIDE, 32)), _NARROW)
        has_point = builder.icmp_unsigned("==", bits(high, 0x00FF0000), narrow(_POINT << 16))
        joined = builder.or_(bits(middle, 0x00FFFFFF), bits(high, 0xFF000000))
        joined = builder.select(has_point, joined, high)
        # A digit less its zero is at most 9: nothing in the high half, and nothing there after six more.
        off = bits(builder.or_(joined, builder.add(joined, narrow(0x06060606))), 0xF0F0F0F0)
        off = builder.or_(off, bits(builder.sub(length, narrow(1)), ~7))
        off = builder.or_(off, builder.and_(low, builder.select(has_point, narrow(0x00FFFFFF), narrow(-1))))
        pairs = builder.add(builder.mul(joined, narrow(10)), builder.lshr(joined, narrow(8)))
        pairs = bits(pairs, 0x00FF00FF)
        digits = builder.add(builder.mul(pairs, narrow(100)), builder.lshr(pairs, narrow(16)))
        twice = builder.shl(bits(digits, 0xFFFF), narrow(1))
        wanted = load(2, place_, row=2)
        tenths = builder.add(builder.mul(twice, narrow(10)), narrow(1))
        cell = builder.select(has(wanted, IS_DECIMAL), tenths, twice)
        cell = builder.select(has_point, builder.or_(twice, narrow(1)), cell)
        cell = builder.select(builder.icmp_unsigned("==", off, narrow(0)), cell, narrow(BAD))
        is_blank = builder.icmp_unsigned("==", length, narrow(0))
        cell = builder.select(is_blank, narrow(BLANK), cell)
        stored = builder.store(cell, address(3, at_, _NARROW))
        stored.align = 4
        is_off = builder.or_(
            builder.icmp_signed("<", cell, load(2, place_)),
            builder.icmp_signed(">", cell, load(2, place_, row=1)),
        )
        is_off = builder.or_(is_off, builder.and_(has_point, has(wanted, IS_WHOLE)))
        may_pass = builder.and_(is_blank, has(wanted, MAY_BE_BLANK))
        is_off = builder.and_(is_off, builder.not_(may_pass))
        return builder.zext(builder.bitcast(is_off, ir.IntType(CELLS)), ir.IntType(64))

    return types.uint64(words, ends, pattern, cells, types.intp, types.intp), generate
