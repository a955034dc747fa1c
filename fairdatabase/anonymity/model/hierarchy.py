"""Generalisation hierarchies: the label of each value of a column at each level, up to "*"."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.number_line import NumberLine

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Level:
    """One level: the node above each value of the column, the text of each node, and the loss of each value.

    Loss is between 0 (nothing lost) and 1 (everything): see `recoding.loss`.
    """

    name: str
    nodes: NDArray[np.int32]
    labels: list[str]
    losses: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The levels of a column, from its own values to "*". Values that share a node share all higher nodes."""

    kind: str
    levels: list[Level]
    # Only a column of numbers has a line.
    line: NumberLine | None = None

    @property
    def steps(self) -> list[Level]:
        """The levels between the values and "*"."""
        return self.levels[1:-1]


def hierarchy_of(values: Sequence[str], kind: str, steps: Sequence[Level], line: NumberLine | None = None) -> Hierarchy:
    """Return the hierarchy with these levels between the values and "*"."""
    count = len(values)
    nothing_left = np.array([value == ANYTHING for value in values], np.float64)
    itself = Level("as it is", np.arange(count, dtype=np.int32), list(values), nothing_left)
    top = Level(ANYTHING, np.zeros(count, np.int32), [ANYTHING], np.ones(count))
    return Hierarchy(kind, [itself, *steps, top], line)


def level_of(name: str, labels: Sequence[str], losses: NDArray[np.float64] | None = None) -> Level:
    """Return a level from the label above each value.

    Without `losses`, the loss of a node is the share of the values that it covers, or 0 if it covers a single value
    (Xu et al. 2006).
    """
    numbers: dict[str, int] = {}
    nodes = np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int32)
    if losses is None:
        covered = np.bincount(nodes)[nodes]
        losses = np.where(covered > 1, covered / len(labels), 0.0)
    return Level(name, nodes, list(numbers), losses)
