"""
How fast it is, against the limit of disk and Trio, and against its peers; see README.md.

General layout, from the top; each uses those below it only:

* `cli`: the command line. `report`, `plot`, `svg`: what is printed and drawn.
* `goal`: the ratios that are to be shown. `rounds`: everything is measured in turn, several times.
* `table`: the scenarios, as a table. Each names a function by its path, so that the process that
  measures imports nothing else.
* `floors`, `sagas`, `peers`: those functions.
* `scenario`, `scale`, `meter`, `statistic`, `machine`: the words for all this.
"""
