"""What kernels find imported already; imported where nothing else runs, since DuckDB's threads would not be forked."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ["PLOOMBER_STATS_ENABLED"] = "false"

# ruff: noqa: F401
import ipykernel.kernelapp
import matplotlib.backends.backend_agg
import matplotlib.pyplot
import pandas
import PIL.Image
import pyarrow.pandas_compat
import sql.magic
import sqlglot.dialects.duckdb

import space_sql.hosts.notebook
import space_sql.training
