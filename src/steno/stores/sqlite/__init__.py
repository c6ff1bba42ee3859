"""
The store in a SQLite database: one file, durable, for one SEC at a time.

* `_store`: what a SEC and operators are given.
* `_file`, `_beside`, `_owner`: the file, what stands beside it, and its owner.
* `_writer`, `_changes`, `_ownership`, `_prune`: what is written. `_haste`: where commits are made.
* `_bulk`: orders to many sagas. `_reader`, `_list`, `_tag`: what is read.
* `_row`, `_statement`, `_error`: rows, statements and errors, as the driver has them.
* `_migrate`, `_repack`: bringing a file of an earlier release to this one's schema.
* `_doctor`, `_damage`: what is wrong with a file.
"""

from steno.stores.sqlite._store import SqliteSecStore, store_from_url

__all__ = ["SqliteSecStore", "store_from_url"]
