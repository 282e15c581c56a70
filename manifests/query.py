"""SQL that someone types, over a build's ledger and data and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from manifests.opened import ManifestError, OpenedBuild

_BATCH = 4096


def selected(build: OpenedBuild, sql: str) -> pa.RecordBatchReader:
    """The result of one SELECT, in batches as it comes.

    The views are `ledger` (every row's fate and measures) and `data` (the rows kept). Raises
    ManifestError for what is no SQL, for anything but one SELECT, and for a query that reaches
    for another file; nothing is changed by any of them.
    """
    with _in_words():
        statements = duckdb.extract_statements(sql)
        if not statements:
            raise ManifestError(
                'the query is empty; try "select reason, count(*) from ledger group by all"'
            )
        # An EXPLAIN ANALYZE would run what it explains.
        if len(statements) > 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ManifestError(
                "only one SELECT can be asked: a build is never changed by a query; "
                "for a copy of the result use --csv or --json"
            )
        reader = build.connection().sql(sql).to_arrow_reader(_BATCH)
        return pa.RecordBatchReader.from_batches(reader.schema, _explained(reader))


def _explained(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with _in_words():
        yield from reader


@contextmanager
def _in_words() -> Iterator[None]:
    """Turns the database's errors into one sentence with the way out."""
    try:
        yield
    except duckdb.PermissionException as error:
        raise ManifestError(
            f"the query reaches for what is not of this build ({_first_line(error)}); "
            "it can read `ledger` and `data`"
        ) from None
    except duckdb.ParserException as error:
        raise ManifestError(f"that is not SQL ({_first_line(error)})") from None
    except duckdb.CatalogException as error:
        raise ManifestError(
            f"{_first_line(error)}; there are the tables `ledger` and `data`, "
            'and "describe ledger" lists columns'
        ) from None
    except duckdb.OutOfMemoryException as error:
        raise ManifestError(
            f"the query needs more memory than there is ({_first_line(error)}); ask for fewer rows"
        ) from None
    except duckdb.Error as error:
        raise ManifestError(f"the query cannot be answered: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
