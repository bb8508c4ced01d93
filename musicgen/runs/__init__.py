"""The run: its record, queue, supervisor, worker, checkpoints and outputs. Pages and command line use `runs.api`.

    api ── records (what there is), submissions (new work), control (cancel, pause, resume, delete), plans, archives
    supervisor ── starts workers, notices their death        worker ── runs training and generation

The processes share only the record (database), the folder of each task, and kernel locks in these folders.
"""
