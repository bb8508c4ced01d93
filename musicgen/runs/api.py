"""Everything that pages and command line do with runs. Light to import: no framework, no sound libraries."""

from musicgen.runs.archives import export_run, import_run
from musicgen.runs.orders import cancel, delete_output, delete_run, pause, rename_run, resume
from musicgen.runs.plans import Plan, plan_training
from musicgen.runs.records import (
    Output,
    Run,
    Task,
    count_outputs,
    count_runs,
    get_output,
    get_run,
    get_task,
    list_outputs,
    list_runs,
    list_tasks,
)
from musicgen.runs.submissions import SongChoice, regenerate, submit_generation, submit_training

__all__ = [
    "Output",
    "Plan",
    "Run",
    "SongChoice",
    "Task",
    "cancel",
    "count_outputs",
    "count_runs",
    "delete_output",
    "delete_run",
    "export_run",
    "get_output",
    "get_run",
    "get_task",
    "import_run",
    "list_outputs",
    "list_runs",
    "list_tasks",
    "pause",
    "plan_training",
    "regenerate",
    "rename_run",
    "resume",
    "submit_generation",
    "submit_training",
]
