"""The order of an epoch: a permutation of the numbers 0 to n - 1 that a seed and an epoch choose.

A number is split in two sides, ``i = left * b + right``; eight rounds add a keyed hash of one side to the other.
That permutes 0 to a * b - 1; the few results for numbers from n on (fewer than the square root of n, about) are left
out, so the place of i is how many results are smaller. SQL sorts by the result, and whoever knows the ones to leave
out finds the row of any place at once, without sorting anything: see space_sql.training.order.

Source: Black and Rogaway, Ciphers with Arbitrary Finite Domains (2002), method 3; the hash is lowbias32 of Chris
Wellons's Hash Prospector. docs/adr/011-epochs.md.
"""

from __future__ import annotations

import hashlib

from space_sql.errors import InvalidInputError

MASK = (1 << 32) - 1
FIRST, SECOND = 0x7FEB352D, 0x846CA68B
"""The hash multiplies numbers of 32 bits: no product needs more than 64."""


def check_share(epoch: int, rank: int, world: int) -> None:
    """Raise InvalidInputError unless these name a share of an epoch."""
    if world < 1 or not 0 <= rank < world:
        raise InvalidInputError(f"rank {rank} of world {world}: ranks are numbered from 0 to world - 1")
    if epoch < 0:
        raise InvalidInputError(f"epoch {epoch}: epochs are numbered from 0")


def round_keys(seed: int, epoch: int) -> tuple[int, ...]:
    """The keys of the eight rounds, 32 bits each."""
    digest = hashlib.sha256(f"space-sql epoch 1|{seed}|{epoch}".encode()).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 32, 4))


def shuffled_sql(rows: str, seed: int, epoch: int) -> str:
    """A query that adds ``_space_slot``, the place of each row among all slots, to one with ``_space_index``.

    ``_space_index`` counts the rows from 0.
    """
    sql = f"""SELECT *, (_space_index // _space_b)::UBIGINT AS _space_l, (_space_index % _space_b)::UBIGINT AS _space_r,
0::UBIGINT AS _space_h FROM (
SELECT *, ((_space_n + _space_a - 1) // _space_a)::UBIGINT AS _space_b FROM (
SELECT *, greatest(1, ceil(sqrt(_space_n)))::UBIGINT AS _space_a FROM (
SELECT *, (count(*) OVER ())::UBIGINT AS _space_n FROM ({rows}))))"""
    for number, key in enumerate(round_keys(seed, epoch)):
        read, write, size = ("_space_l", "_space_r", "_space_b") if number % 2 else ("_space_r", "_space_l", "_space_a")
        keyed = f"xor({read}, {key}::UBIGINT)"
        for changed, value in (
            ("_space_h", f"(xor({keyed}, {keyed} >> 16) * {FIRST}::UBIGINT) & {MASK}::UBIGINT"),
            ("_space_h", f"(xor(_space_h, _space_h >> 15) * {SECOND}::UBIGINT) & {MASK}::UBIGINT"),
            (write, f"({write} + xor(_space_h, _space_h >> 16)) % {size}"),
        ):
            sql = f"SELECT * REPLACE ({value} AS {changed}) FROM (\n{sql})"
    return f"SELECT *, _space_l * _space_b + _space_r AS _space_slot FROM (\n{sql})"
