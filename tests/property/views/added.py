"""Cases whose views add up groups: each is nothing but GROUP BY over a dataset or a simple query."""

from __future__ import annotations

from tests.property.views.maker import Relation
from tests.property.views.queries import Queries


class AddedUp(Queries):
    """The outermost operator of each query is a GROUP BY whose aggregates may be added to."""

    _inside = False

    def query(self, depth: int) -> Relation:
        if self._inside:
            return super().query(depth)
        self._inside = True
        try:
            return self.added_up(min(depth, 2))
        finally:
            self._inside = False
