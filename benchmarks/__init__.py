"""
How fast the library is, against the limits of disk and Trio, and its peers; see README.md.

General layout, from the top; each uses those below it only:

* `cli`: the command line. `report`, `plot`, `svg`: the output, printed and drawn.
* `goal`: the ratios to show. `rounds`: measures everything in turn, several times.
* `table`: the scenarios, as a table. Each names a function by its path, so that the process that
  measures imports nothing else.
* `floors`, `sagas`, `peers`: those functions.
* `scenario`, `scale`, `meter`, `statistic`, `machine`: the vocabulary.
"""
