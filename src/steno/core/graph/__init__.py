"""
A saga's graph: its nodes, how it is built and flattened, and how it is written down.

In reading order: `_ids`, `_node`, `_flat_node`, `_graph`, `_namespace`, `_flat`, `_dag`,
`_assemble`; then `_node_json` and `_graph_json`, `_render`, and `_difference`, which says where two
sagas differ.
"""
