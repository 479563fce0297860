"""Training access: the rows of a version at random, and in the order of epochs, for every framework."""

from space_sql.training.epoch import Epoch, resumed
from space_sql.training.source import Source, open_dataset

__all__ = ["Epoch", "Source", "open_dataset", "resumed"]
