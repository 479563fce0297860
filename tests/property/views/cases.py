"""Random cases: datasets, views over them and over each other, and then changes and refreshes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.property.views.expressions import expression, predicate
from tests.property.views.kinds import TYPES, Column, value
from tests.property.views.maker import Relation
from tests.property.views.queries import Queries
from tests.property.views.steps import FOLDER, Step, expanded, scan, sources

WIDER = {
    "SMALLINT": "INTEGER",
    "INTEGER": "BIGINT",
    "BIGINT": "HUGEINT",
    "DECIMAL(9,2)": "DECIMAL(18,3)",
    "INTEGER[]": "BIGINT[]",
}
NAMES = ("a", "b", "grp", "Label", "when", "x y", "score", "n")


class Case:
    """A case of a seed: the steps, each made when those before it have been."""

    def __init__(self, seed: int, rounds: int = 8, queries: type[Queries] = Queries) -> None:
        self.queries = queries
        self.random = Random(seed)
        self.rounds = rounds
        self.columns: dict[str, tuple[Column, ...]] = {}
        self.types: dict[str, list[str]] = {}
        self.views: dict[str, str] = {}
        self.branches: dict[str, list[str]] = {}
        self.materialized: dict[str, str] = {}
        self.static: dict[str, tuple[Column, ...]] = {}
        self.versions: list[str] = []
        self.next_key = 0

    def steps(self) -> Iterator[Step]:
        """All steps in order."""
        for number in range(self.random.choice((1, 2, 2, 3))):
            yield self.create(f"ds{number}")
        if self.random.random() < 0.25:
            yield self.create_static("static_0")
        yield from self.define()
        for _ in range(self.rounds):
            used = sorted({s for query in self.materialized.values() for s in sources(query)} & set(self.columns))
            for _ in range(self.random.choice((0, 1, 1, 1, 2, 3))):
                yield from self.change(self.random.choice(used or sorted(self.columns)))
            for name in self.materialized:
                if self.random.random() < 0.85:
                    yield Step("refresh", name, self.random.choice(("", "", "", ", policy => 'promised'") * 2))
                if self.random.random() < 0.07:
                    yield Step("refresh", name, self.random.choice((", policy => 'full'", ", back")))
                if self.versions and self.random.random() < 0.1:
                    yield Step("refresh", name, f", version => '{self.random.choice(self.versions)}'")
            if self.random.random() < 0.07:
                yield from self.named()
            if len(self.materialized) < 3 and self.random.random() < 0.05:
                yield from self.define()

    def create(self, name: str) -> Step:
        """A dataset with a key and some random columns, and some rows."""
        chosen = self.random.sample(NAMES, self.random.randint(2, 5))
        columns = [Column("id", "int")]
        types = ["BIGINT"]
        for column in chosen:
            kind = self.random.choice(("int", "int", "text", *TYPES))
            columns.append(Column(column, kind))
            types.append(self.random.choice(TYPES[kind]))
        self.columns[name] = tuple(columns)
        self.types[name] = types
        self.branches[name] = []
        rows = self.rows(name, self.random.choice((0, 5, 9, 9, 14, 14, 20)))
        keys = self.random.choice((["id"], ["id"], ["id", columns[1].name])) if columns[1].kind == "int" else ["id"]
        listed = ", ".join("'" + k.replace("'", "''") + "'" for k in keys)
        return Step(
            "write", name, f"CALL space_create('{FOLDER}/{name}', source => $${rows}$$, primary_keys => [{listed}])"
        )

    def create_static(self, name: str) -> Step:
        """A table that never changes."""
        step = self.create(name)
        self.static[name] = self.columns.pop(name)
        return Step("write", name, f"CREATE OR REPLACE TABLE {name} AS {step.text.split('$$')[1]}")

    def named(self) -> Iterator[Step]:
        """A tag or a branch of the same name on everything that is there."""
        name = f"at{self.new_key()}"
        verb = self.random.choice(("space_tag", "space_branch"))
        for dataset in (*self.columns, *self.materialized):
            yield Step("write", dataset, f"CALL {verb}('{FOLDER}/{dataset}', '{name}')")
            if verb == "space_branch" and dataset in self.branches:
                self.branches[dataset].append(name)
        self.versions.append(name)

    def rows(self, name: str, count: int, keys: tuple[str, ...] = ()) -> str:
        """A query of random rows with new keys, or with those."""
        casts = ", ".join(
            f"CAST({c.sql} AS {t}) AS {c.sql}" for c, t in zip(self.columns[name], self.types[name], strict=True)
        )
        names = ", ".join(c.sql for c in self.columns[name])
        lines = []
        for number in range(max(count, 1)):
            key = keys[number] if keys else str(self.new_key())
            rest = [value(self.random, c.kind) for c in self.columns[name][1:]]
            lines.append(f"({', '.join([key, *rest])})")
        none = " LIMIT 0" if count == 0 else ""
        return f"SELECT {casts} FROM (VALUES {', '.join(lines)}) AS v({names}){none}"

    def new_key(self) -> int:
        self.next_key += 1
        return self.next_key

    def old_keys(self, count: int) -> tuple[str, ...]:
        keys = range(1, self.next_key + 2)
        return tuple(str(k) for k in self.random.sample(keys, min(count, len(keys))))

    def define(self) -> Iterator[Step]:
        """A view, perhaps over views and materialized views, and its materialization."""
        number = len(self.views) + len(self.materialized)
        bases = [Relation(scan(name), columns) for name, columns in self.columns.items()]
        bases += [Relation(name, columns) for name, columns in self.static.items()]
        more = self.random.random()
        for level in range(1 if more < 0.6 else 2 if more < 0.9 else 3):
            name = f"mv{number + level}"
            depth = self.random.choice((1, 2, 2, 3, 3, 4))
            made = self.queries(self.random, bases, "pqrstuvw"[level] if level < 8 else "z").query(depth)
            names = [c.name.casefold() for c in made.columns]
            if len(set(names)) < len(names):
                return
            if self.random.random() < 0.4:
                view = f"view_{number + level}"
                self.views[view] = made.sql
                yield Step("view", view, made.sql)
                bases = [*bases, Relation(view, made.columns)]
                if self.random.random() < 0.3:
                    continue
                yield self.materialize(name, made, view)
            else:
                yield self.materialize(name, made, None)
            bases = [*bases, Relation(scan(name), made.columns)]

    def materialize(self, name: str, made: Relation, by: str | None) -> Step:
        self.materialized[name] = expanded(made.sql, self.views)
        static = ", static => ['static_0']" if self.static else ""
        return Step("materialize", name, made.sql, by, static)

    def change(self, name: str) -> Iterator[Step]:
        """A write to a dataset."""
        path = f"'{FOLDER}/{name}'"
        here = [(c.sql, c) for c in self.columns[name]]
        random = self.random
        branch = ""
        if self.branches[name] and random.random() < 0.1:
            branch = f", branch => '{random.choice(self.branches[name])}'"
        kind = random.choices(
            ("append", "insert", "upsert", "update", "delete", "overwrite", "restore", "compact", "schema", "branch"),
            (20, 10, 20, 20, 20, 2, 3, 5, 5, 3),
        )[0]
        some = random.choice((1, 1, 2, 4))
        match kind:
            case "append" if random.random() < 0.25:  # doubles keys
                text = f"space_append({path}, $${self.rows(name, some, self.old_keys(some) * some)}$${branch})"
            case "append" if random.random() < 0.1:
                text = f"space_append({path}, $$SELECT * FROM {scan(name)} LIMIT {some}$${branch})"
            case "append" | "insert":
                text = f"space_{kind}({path}, $${self.rows(name, some)}$${branch})"
            case "upsert":
                keys = self.old_keys(some)
                text = f"space_upsert({path}, $${self.rows(name, len(keys), keys)}$${branch})"
            case "update":
                column = random.choice(self.columns[name][1:])
                new = expression(random, here, column.kind, 1)
                text = f"space_update({path}, $${column.sql} = {new}$$, $${self.few(here)}$${branch})"
            case "delete":
                text = f"space_delete({path}, $${self.few(here)}$${branch})"
            case "overwrite":
                text = f"space_overwrite({path}, $${self.rows(name, random.choice((0, 2, 9)))}$${branch})"
            case "restore":
                text = f"space_restore({path}, 'main~{random.randint(1, 3)}')"
            case "compact":
                text = f"space_compact({path})"
            case "schema":
                text = self.schema_change(name, path)
            case _:
                text = self.branching(name, path)
        yield Step("write", name, f"CALL {text}")

    def few(self, here: list[tuple[str, Column]]) -> str:
        """A condition that is true for a few rows, or for any number."""
        if self.random.random() < 0.6:
            return f"id IN ({', '.join(self.old_keys(self.random.choice((1, 2, 5))))})"
        return predicate(self.random, here, 1)

    def schema_change(self, name: str, path: str) -> str:
        """A new column, a wider type, another name for one and later back, or one less."""
        random = self.random
        if random.random() < 0.3:
            return self.widened(name, path)
        if random.random() < 0.1 and len(self.columns[name]) > 2:
            column = random.choice(self.columns[name][1:])
            place = self.columns[name].index(column)
            self.columns[name] = tuple(c for c in self.columns[name] if c != column)
            self.types[name] = [t for i, t in enumerate(self.types[name]) if i != place]
            return f"space_drop_column({path}, '{column.name.replace(chr(39), chr(39) * 2)}')"
        if random.random() < 0.6:
            return (
                f"space_add_column({path}, 'new{self.new_key()} {random.choice(TYPES[random.choice(tuple(TYPES))])}')"
            )
        column = random.choice(self.columns[name][1:]).name.replace("'", "''")
        other = f"{column}_moved"
        names = (column, other) if random.random() < 0.5 else (other, column)
        return f"space_rename_column({path}, '{names[0]}', '{names[1]}')"

    def widened(self, name: str, path: str) -> str:
        """Rows of which one column has a wider type, which the dataset takes over."""
        before = self.types[name]
        places = [i for i, type_ in enumerate(before) if type_ in WIDER and i]
        if places:
            place = self.random.choice(places)
            self.types[name] = [WIDER[t] if i == place else t for i, t in enumerate(before)]
        return f"space_append({path}, $${self.rows(name, 2)}$$, evolve => true)"

    def branching(self, name: str, path: str) -> str:
        """A new branch, or one merged."""
        if self.branches[name] and self.random.random() < 0.5:
            return f"space_merge({path}, '{self.random.choice(self.branches[name])}', strategy => 'theirs')"
        branch = f"dev{self.new_key()}"
        self.branches[name].append(branch)
        return f"space_branch({path}, '{branch}')"
