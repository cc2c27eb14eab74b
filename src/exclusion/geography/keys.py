"""Keys: one row a key, or an error that names the first that breaks it."""

import pandas as pd

from exclusion.errors import ContractError


def keyed(table: pd.DataFrame, key: str, where: str) -> pd.DataFrame:
    """Return the table indexed by its key column, unchanged where it is so already.

    ContractError, naming `where`, for a missing key column, a null key or a key that stands on two rows.
    """
    if table.index.name != key:
        if key not in table.columns:
            raise ContractError(
                f"{where}: there is no column {key}; it has {', '.join(map(str, table.columns[:8]))}."
            )
        table = table.set_index(key)
    if table.index.hasnans:
        raise ContractError(
            f"{where}: {int(table.index.isna().sum()):,} rows have no {key}; complete or remove them."
        )
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ContractError(f"{where}: {twice} stands on more than one row; each {key} may have one.")
    return table
