"""Faults of the PostgreSQL store: of locks, of leases, of what is remembered and left behind."""

from mutants.mutant import fault

KIT = "tests/stores/postgres/test_conformance.py::test_it_passes"
STORE = "tests/stores/postgres/test_store.py"

MUTANTS = (
    fault(
        "PostgreSQL: the rows of a batch are not locked",
        f"{STORE}::test_a_batch_waits_for_a_claim_and_is_lost",
        "Steno's row 12: every write is fenced",
        "stores/postgres/_batch.py",
        ("ORDER BY saga_id FOR NO KEY UPDATE", "ORDER BY saga_id"),
    ),
    fault(
        "PostgreSQL: a size is remembered whatever the fence",
        f"{STORE}::test_what_others_have_appended_is_seen",
        "what is written follows what is stored",
        "stores/postgres/_batch.py",
        ("if size is not None and size.fence == fence else None", "if size is not None else None"),
    ),
    fault(
        "PostgreSQL: a batch is written without its changes of state",
        f"{KIT}[times: times are in utc and in order-thread]",
        "a batch is written whole",
        "stores/postgres/_changes.py",
        ("        if self._moves:\n", "        if not self._moves:\n"),
    ),
    fault(
        "PostgreSQL: a take-over does not wait for a batch",
        f"{STORE}::test_a_take_over_waits_for_a_batch",
        "lives that crashed without progress are counted, and no others",
        "stores/postgres/_ownership.py",
        ("    db.execute(_LOCK, (sec_name,))\n", ""),
    ),
    fault(
        "PostgreSQL: pruning does not wait for a new saga of a graph",
        f"{STORE}::test_a_graph_is_not_pruned_while_a_saga_of_it_is_created",
        "nothing that is used is deleted",
        "stores/postgres/_prune.py",
        ("        db.execute(_LOCK_GRAPHS, (dag_keys,))\n", ""),
    ),
    fault(
        "PostgreSQL: durability is looked at only once",
        f"{STORE}::test_a_server_that_may_lose_commits_is_refused",
        "what is acknowledged is durable",
        "stores/postgres/_writer.py",
        ("        self.link.server.check_durable(synchronous_commit)\n", ""),
    ),
    fault(
        "PostgreSQL: the schema is looked at only once",
        "tests/stores/postgres/test_migrate.py"
        "::test_a_newer_release_changes_the_schema_of_an_open_store",
        "an old process does not write to a newer schema",
        "stores/postgres/_writer.py",
        ("        check_known(db.schema, version)\n", ""),
    ),
    fault(
        "PostgreSQL: statements are prepared",
        f"{STORE}::test_nothing_is_left_on_a_connection",
        "a pooler may stand in between",
        "stores/postgres/_link.py",
        ("prepare_threshold=None", "prepare_threshold=2"),
    ),
    fault(
        "PostgreSQL: limits outlive their transaction",
        f"{STORE}::test_nothing_is_left_on_a_connection",
        "a pooler may stand in between",
        "stores/postgres/_link.py",
        ("set_config('lock_timeout', %s, true)", "set_config('lock_timeout', %s, false)"),
    ),
    fault(
        "PostgreSQL: a connection that fails is kept",
        f"{STORE}::test_a_server_that_does_not_answer",
        "the store is reached again when it can be",
        "stores/postgres/_store.py",
        ("    for link in used:\n        link.cut()\n", ""),
    ),
    fault(
        "PostgreSQL: a standby is not waited for to become the primary",
        "tests/stores/postgres/test_error.py::test_an_error_that_passes[switch of the primary]",
        "a switch of the primary is StoreUnavailable",
        "stores/postgres/_error.py",
        ('    "25006": ', '    "25999": '),
    ),
    fault(
        "PostgreSQL: a list begins with its marker",
        f"{KIT}[list: every saga is listed once in the order of ids-thread]",
        "a marker is exclusive",
        "stores/postgres/_list.py",
        ('yield "saga_id > %s"', 'yield "saga_id >= %s"'),
    ),
    fault(
        "PostgreSQL: a life that has ended is renewed",
        f"{KIT}[fleet: a lease is renewed until it has ended-thread]",
        "a zombie does not come back",
        "stores/postgres/_fleet.py",
        ("AND lease_end > clock_timestamp() RETURNING true", "RETURNING true"),
    ),
    fault(
        "PostgreSQL: an orphan is claimed without a new generation",
        f"{KIT}[fleet: no fence of an orphan comes back-thread]",
        "a claim raises the saga's generation",
        "stores/postgres/_ownership.py",
        ("greatest(adopt_generation + 1, %s)", "greatest(adopt_generation, %s)"),
    ),
    fault(
        "PostgreSQL: the sagas of the living are orphans",
        f"{KIT}[fleet: what a life has left is taken over-thread]",
        "only what a SEC whose lease has ended ran is claimed",
        "stores/postgres/_fleet.py",
        ("WHERE lease_end <= clock_timestamp() AND {IS_OPEN}", "WHERE {IS_OPEN}"),
    ),
    fault(
        "PostgreSQL: what was claimed by its id stays its former owner's",
        f"{KIT}[fleet: what is claimed by its id is left to its owner-thread]",
        "only what a SEC whose lease has ended ran is claimed",
        "stores/postgres/_ownership.py",
        ("        sec_generation = owner.generation\n", "        taken_seq = taken_seq\n"),
    ),
)
