"""
The store in a PostgreSQL database.

* `_store`: what a SEC and operators are given.
* `_link`, `_error`: connections, and what their errors mean.
* `_writer`, `_batch`, `_changes`, `_ownership`, `_prune`: what is written.
* `_bulk`: orders to many sagas. `_fleet`, `_fleet_session`: SECs that share it.
* `_reader`, `_list`: what is read. `_array`: columns as literals.
* `_migrate`: bringing a schema to that of this release. `_doctor`: what is wrong with a server.
"""

try:
    from steno.stores.postgres._store import PostgresSecStore, store_from_url
except ModuleNotFoundError as error:
    if error.name != "psycopg":
        raise
    msg = "PostgreSQL needs psycopg: pip install 'trio-steno[postgres]'"
    raise ModuleNotFoundError(msg, name=error.name) from None

__all__ = ["PostgresSecStore", "store_from_url"]
