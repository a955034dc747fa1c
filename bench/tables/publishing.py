"""What `fairdb report` proposes for a table, and what the proposal publishes when it is carried out."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.tables.exact import gives_away, resolution_of
from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.errors import BadOption, CannotBeMet
from fairdatabase.anonymity.model.people import NOBODY, People, people_of
from fairdatabase.anonymity.model.table import Table
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles, measure
from fairdatabase.anonymity.search.anonymise import Anonymised, anonymise
from fairdatabase.anonymity.tables.reading import read_table
from fairdatabase.anonymity.tables.roles import guess_roles
from fairdatabase.client.tables.columns import read_names
from fairdatabase.client.tables.proposal import propose
from fairdatabase.policy.tables.fields import Policy
from fairdatabase.sheets.errors import BadTable


@dataclass(slots=True)
class Published:
    """The figures of one table."""

    unreadable: str = ""
    """Why the command cannot read the table; empty if it can."""
    unpublished: str = ""
    """Why the proposal publishes nothing, or that there is no proposal; empty if it publishes."""
    people: int = 0
    """People of the table, if it is published."""
    published_columns: int = 0
    alone: int = 0
    """People who are alone with the published columns that are not sensitive."""
    alone_unchanged: int = 0
    """People who are alone with only those columns that are neither sensitive nor quasi-identifiers."""
    alone_with_sensitive: int = 0
    exact: int = 0
    """People whose own number can be read in a generalised value."""
    exact_columns: tuple[str, ...] = ()


def publish_table(path: Path, policy: Policy, *, most_rows: int) -> Published:
    """Carry out for the first rows of a table what `fairdb report` proposes."""
    try:
        table = read_table(path)
    except (BadTable, OSError) as error:
        return Published(unreadable=error.why if isinstance(error, BadTable) else str(error))
    if table.rows > most_rows:
        table = table.take(np.arange(most_rows))
    guesses = guess_roles(policy, table)

    def titles(role: str) -> tuple[str, ...]:
        return tuple(guess.title for guess in guesses if guess.role == role)

    roles = Roles(titles("quasi"), titles("sensitive"), next(iter(titles("subject")), None))
    if not roles.quasi:
        return Published(unpublished="no quasi-identifier")
    risk = measure(table, roles)
    try:
        found = propose(table, roles, risk)
        if found is None:
            return Published(unpublished="one person")
        # Behind the name of the file.
        words = shlex.split(found.command(path))
        return carry_out(table, words[words.index("anonymize") + 2 :], risk.subjects)
    except (BadOption, CannotBeMet) as error:
        return Published(unpublished=str(error))


def carry_out(table: Table, options_given: list[str], subjects: int) -> Published:
    """Anonymise a table with the options of a command, and count. Ends the program if an option is unknown here.

    Raises BadOption, CannotBeMet.
    """
    options = _PARSER.parse_args(options_given)
    roles = Roles(read_names(options.quasi), read_names(options.sensitive), options.subject,
                  frozenset(read_names(options.categorical)))  # fmt: skip
    limits = Limits(options.k, options.l, options.t)
    done = anonymise(table, roles, limits, drop=read_names(options.drop), keep=read_names(options.keep))
    people = people_of(done.original[roles.subject] if roles.subject is not None else None, done.table.rows)
    shown = [title for title in done.table.columns if title not in roles.sensitive]
    exposed = {title: _gives_away(done, title) for title in roles.quasi}
    return Published(
        people=subjects,
        published_columns=len(done.table.columns),
        alone=_count_alone(done.table, shown, people),
        alone_unchanged=_count_alone(done.table, [title for title in shown if title not in roles.quasi], people),
        alone_with_sensitive=_count_alone(done.table, list(done.table.columns), people),
        exact=_count_people(np.any(list(exposed.values()), axis=0), people),
        exact_columns=tuple(title for title, rows in exposed.items() if rows.any()),
    )


def _count_alone(table: Table, titles: list[str], people: People) -> int:
    """Return how many people are alone with these columns of a published table."""
    if not titles:
        return 0
    return int((people.smallest(*group([table[title].codes for title in titles])) == 1).sum())


def _gives_away(done: Anonymised, title: str) -> NDArray[np.bool_]:
    """Return for each row whether the published value of a column gives the original one away."""
    was, now = done.original[title], done.table[title]
    unit = resolution_of(was.values)
    pairs, count = group([was.codes, now.codes])
    _, first = np.unique(pairs, return_index=True)
    found = np.zeros(count, np.bool_)
    for pair, row in enumerate(first.tolist()):
        found[pair] = gives_away(was.values[int(was.codes[row])], now.values[int(now.codes[row])], unit)
    return found[pairs]


def _count_people(rows: NDArray[np.bool_], people: People) -> int:
    if people.subjects is None:
        return int(rows.sum())
    return len(np.setdiff1d(people.subjects[rows], [NOBODY]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("quasi", "sensitive", "categorical", "drop", "keep"):
        parser.add_argument(f"--{name}", action="append")
    for name in ("subject", "out", "report"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--l", type=int, default=1)
    parser.add_argument("--t", type=float)
    return parser


_PARSER = _parser()
