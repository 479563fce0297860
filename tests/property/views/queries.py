"""Random queries, several operators deep, whose results as bags of rows do not depend on any order."""

from __future__ import annotations

from collections.abc import Callable

from tests.property.views.group_queries import GroupQueries
from tests.property.views.join_queries import JoinQueries
from tests.property.views.maker import Relation
from tests.property.views.order_queries import OrderQueries
from tests.property.views.row_queries import RowQueries


class Queries(RowQueries, JoinQueries, GroupQueries, OrderQueries):
    """All of them, each as often as it deserves."""

    def query(self, depth: int) -> Relation:
        if depth <= 0:
            return self.reading()
        forms: list[tuple[int, Callable[[int], Relation]]] = [
            (3, self.filtered),
            (3, self.projected),
            (1, self.unnested),
            (2, self.united),
            (4, self.joined),
            (3, self.outer_joined),
            (2, self.semi_joined),
            (2, self.existing),
            (5, self.grouped),
            (3, self.added_up),
            (2, self.distinct),
            (2, self.set_operation),
            (2, self.windowed),
            (2, self.top_of_each),
            (1, self.limited),
            (1, self.with_cte),
            (1, self.with_scalar),
            (1, self.grouping_sets),
            (2, self.joined_using),
            (1, self.lateral),
            (1, self.first_of_each),
            (1, self.with_values),
        ]
        weights = [weight for weight, _ in forms]
        (form,) = self.random.choices([make for _, make in forms], weights)
        return form(depth)
