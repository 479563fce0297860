"""The tables of TPC-H at a small scale, made after its public specification with fixed random numbers.

Shorter word lists than the specification's make the rare values that the queries look for frequent enough
that few rows still answer every query.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

Rows = list[tuple[Any, ...]]

COLUMNS = {
    "region": "r_regionkey INTEGER, r_name VARCHAR, r_comment VARCHAR",
    "nation": "n_nationkey INTEGER, n_name VARCHAR, n_regionkey INTEGER, n_comment VARCHAR",
    "part": (
        "p_partkey BIGINT, p_name VARCHAR, p_mfgr VARCHAR, p_brand VARCHAR, p_type VARCHAR, p_size INTEGER, "
        "p_container VARCHAR, p_retailprice DECIMAL(15,2), p_comment VARCHAR"
    ),
    "supplier": (
        "s_suppkey BIGINT, s_name VARCHAR, s_address VARCHAR, s_nationkey INTEGER, s_phone VARCHAR, "
        "s_acctbal DECIMAL(15,2), s_comment VARCHAR"
    ),
    "partsupp": (
        "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INTEGER, ps_supplycost DECIMAL(15,2), ps_comment VARCHAR"
    ),
    "customer": (
        "c_custkey BIGINT, c_name VARCHAR, c_address VARCHAR, c_nationkey INTEGER, c_phone VARCHAR, "
        "c_acctbal DECIMAL(15,2), c_mktsegment VARCHAR, c_comment VARCHAR"
    ),
    "orders": (
        "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus VARCHAR, o_totalprice DECIMAL(15,2), o_orderdate DATE, "
        "o_orderpriority VARCHAR, o_clerk VARCHAR, o_shippriority INTEGER, o_comment VARCHAR"
    ),
    "lineitem": (
        "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INTEGER, l_quantity DECIMAL(15,2), "
        "l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2), l_returnflag VARCHAR, "
        "l_linestatus VARCHAR, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR, "
        "l_shipmode VARCHAR, l_comment VARCHAR"
    ),
}
KEYS = {
    "region": ["r_regionkey"],
    "nation": ["n_nationkey"],
    "part": ["p_partkey"],
    "supplier": ["s_suppkey"],
    "partsupp": ["ps_partkey", "ps_suppkey"],
    "customer": ["c_custkey"],
    "orders": ["o_orderkey"],
    "lineitem": ["l_orderkey", "l_linenumber"],
}

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = (
    *(("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3)),
    *(("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4)),
    *(("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3)),
    *(("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1)),
)
BUSY = (2, 3, 6, 7, 8, 12, 18, 20, 24)
"""The nations that most suppliers and customers are of: those that the queries ask for, and a few more."""
COLOURS = ("almond", "blue", "chocolate", "dark", "forest", "green", "ivory", "lemon", "navy", "red", "steel", "white")
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
INSTRUCTIONS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
MODES = ("REG AIR", "AIR", "AIR REG", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
CONTAINERS = ("SM CASE", "SM BOX", "SM PACK", "MED BAG", "MED BOX", "MED PACK", "LG CASE", "LG BOX", "JUMBO JAR")
BRANDS = ("Brand#12", "Brand#13", "Brand#23", "Brand#34", "Brand#45")
TYPES = (
    *("ECONOMY ANODIZED STEEL", "PROMO BURNISHED COPPER", "SMALL PLATED BRASS", "LARGE POLISHED BRASS"),
    *("MEDIUM POLISHED TIN", "STANDARD BRUSHED NICKEL"),
)
SIZES = (1, 3, 5, 9, 14, 15, 19, 23, 36, 45, 49)
WORDS = ("carefully", "final", "special", "packages", "requests", "Customer", "sleep", "Complaints", "furious")
FIRST_DAY, DAYS = datetime.date(1992, 1, 1), 2405
TODAY = datetime.date(1995, 6, 17)


class Population:
    """Makes rows; ``scale`` 1 is what the specification calls scale factor 1."""

    def __init__(self, scale: float, seed: int = 19) -> None:
        self.random = np.random.default_rng(seed)
        self.orders = max(20, int(1_500_000 * scale))
        self.customers = max(60, int(150_000 * scale))
        self.parts = max(60, int(200_000 * scale))
        self.suppliers = max(40, int(10_000 * scale))

    def one(self, among: Sequence[Any]) -> Any:
        """One of some values."""
        return among[int(self.random.integers(len(among)))]

    def number(self, least: int, most: int) -> int:
        """A number from ``least`` to ``most``."""
        return int(self.random.integers(least, most + 1))

    def cents(self, least: int, most: int) -> Decimal:
        """An amount of money."""
        return Decimal(self.number(least, most)).scaleb(-2)

    def text(self, words: int = 4) -> str:
        """A comment."""
        return " ".join(self.one(WORDS) for _ in range(words))

    def nation(self) -> int:
        """A nation's key."""
        return int(self.one(BUSY)) if self.number(0, 3) else self.number(0, 24)

    def phone(self, nation: int) -> str:
        """A telephone number; the first two digits tell the nation."""
        return f"{nation + 10}-{self.number(100, 999)}-{self.number(100, 999)}-{self.number(1000, 9999)}"

    def small(self) -> dict[str, Rows]:
        """All tables but orders and their lines."""
        parts = [self.part(key) for key in range(1, self.parts + 1)]
        return {
            "region": [(key, name, self.text()) for key, name in enumerate(REGIONS)],
            "nation": [(key, name, region, self.text()) for key, (name, region) in enumerate(NATIONS)],
            "part": parts,
            "supplier": [self.supplier(key) for key in range(1, self.suppliers + 1)],
            "partsupp": [row for part in parts for row in self.supplied(part[0])],
            "customer": [self.customer(key) for key in range(1, self.customers + 1)],
        }

    def part(self, key: int) -> tuple[Any, ...]:
        """A row of part."""
        name = " ".join(self.random.choice(COLOURS, 5, replace=False))
        price = Decimal(90000 + (key // 10) % 20001 + 100 * (key % 1000)).scaleb(-2)
        brand = self.one(BRANDS)
        return (
            *(key, name, f"Manufacturer#{brand[-2]}", brand, self.one(TYPES), self.one(SIZES)),
            *(self.one(CONTAINERS), price, self.text(2)),
        )

    def suppliers_of(self, part: int) -> list[int]:
        """The four suppliers of a part."""
        count = self.suppliers
        return [(part + i * (count // 4 + (part - 1) // count)) % count + 1 for i in range(4)]

    def supplied(self, part: int) -> Rows:
        """Rows of partsupp."""
        return [
            (part, supplier, self.number(1, 9999), self.cents(100, 100_000), self.text())
            for supplier in sorted(set(self.suppliers_of(part)))
        ]

    def supplier(self, key: int) -> tuple[Any, ...]:
        """A row of supplier."""
        nation = self.nation()
        return (
            *(key, f"Supplier#{key:09}", self.text(2), nation, self.phone(nation)),
            *(self.cents(-99_999, 999_999), self.text()),
        )

    def customer(self, key: int) -> tuple[Any, ...]:
        """A row of customer."""
        nation = self.nation()
        return (
            *(key, f"Customer#{key:09}", self.text(2), nation, self.phone(nation)),
            *(self.cents(-99_999, 999_999), self.one(SEGMENTS), self.text()),
        )

    def ordered(self, keys: Sequence[int]) -> tuple[Rows, Rows]:
        """Orders of these keys, and their lines. A third of the customers never orders."""
        orders, lines = [], []
        for key in keys:
            customer = self.number(1, self.customers)
            customer += customer % 3 == 0 and customer < self.customers
            date = FIRST_DAY + datetime.timedelta(self.number(0, DAYS))
            of_order = [self.line(key, number, date) for number in range(1, self.number(1, 7) + 1)]
            states = {line[9] for line in of_order}
            total = sum(line[5] * (1 + line[7]) * (1 - line[6]) for line in of_order)
            orders.append(
                (
                    *(key, customer, states.pop() if len(states) == 1 else "P", round(total, 2), date),
                    *(self.one(PRIORITIES), f"Clerk#{self.number(1, 1000):09}", 0, self.text()),
                )
            )
            lines += of_order
        return orders, lines

    def line(self, order: int, number: int, date: datetime.date) -> tuple[Any, ...]:
        """A row of lineitem."""
        part = self.number(1, self.parts)
        quantity = self.number(1, 50)
        price = Decimal(90000 + (part // 10) % 20001 + 100 * (part % 1000)).scaleb(-2)
        shipped = date + datetime.timedelta(self.number(1, 121))
        received = shipped + datetime.timedelta(self.number(1, 30))
        return (
            *(order, part, self.one(self.suppliers_of(part)), number, Decimal(quantity), quantity * price),
            *(self.cents(0, 10), self.cents(0, 8), self.one("RA") if received <= TODAY else "N"),
            *("O" if shipped > TODAY else "F", shipped, date + datetime.timedelta(self.number(30, 90)), received),
            *(self.one(INSTRUCTIONS), self.one(MODES), self.text(2)),
        )


def order_key(number: int) -> int:
    """The key of an order: eight of each 32 keys are used."""
    return number // 8 * 32 + number % 8 + 1


def arrow(rows: Rows, names: Sequence[str]) -> pa.Table:
    """Rows as an Arrow table, for DuckDB to cast."""
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
