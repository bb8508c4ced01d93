"""Trainings on other machines: a Ray cluster starts them, a shared folder carries all that is exchanged.

    configured.py   the settings, and what is missing, in one sentence
    places.py       the shared folder: attempts at a task, files by their hash, the program
    leases.py       who may write: a lease file with a fencing number
    giving.py       here: what an attempt is given: rows of the record, and files
    stand_in.py     here: the process that stands for the task: gives it away, follows it, brings its results home
    node.py         there: the process that Ray starts: a storage folder of its own, the usual worker in it
    carrying.py     both: results, one way: node → shared folder → here
    jobs.py         here: asks ray_jobs.py, a child process and the only one that imports Ray

The worker on a node is the same as here, with a record of its own on that machine's disk: no database file is ever
opened by two machines. Each attempt has a number and a folder of its own in the shared folder, and only the folder of
the present number is read. So a worker that was given up and lives on nevertheless can spoil nothing.
"""
