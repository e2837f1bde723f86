"""Make a temporary table of the records of a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import numpy.typing as npt

    from common_ml.data.store.duckdb_store import Store


def chosen(
    connection: duckdb.DuckDBPyConnection, store: Store, numbers: npt.NDArray[np.int64]
) -> None:
    """Make a table `chosen` of the records with these numbers."""
    connection.register("numbers", {"number": numbers})
    condition = "" if len(numbers) == store.num_records else " SEMI JOIN numbers USING (number)"
    connection.execute(f"CREATE TEMP TABLE chosen AS SELECT * FROM {store.records_sql}{condition}")
