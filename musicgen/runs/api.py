"""Everything that the pages and the command line do with runs. Light to import: no framework, no sound libraries."""

from musicgen.runs.archives import export_run, import_run
from musicgen.runs.orders import (
    cancel,
    cancel_waiting,
    delete_output,
    delete_run,
    pause,
    pause_waiting,
    paused_runs,
    queued_runs,
    rename_run,
    resume,
    state_rights,
)
from musicgen.runs.plans import Plan, expect_plans, plan_training, plans_come_at_once
from musicgen.runs.records import (
    Output,
    Run,
    count_outputs,
    count_runs,
    each_output,
    each_run,
    get_output,
    get_run,
    list_outputs,
    list_runs,
)
from musicgen.runs.song_choices import SongChoice
from musicgen.runs.submissions import regenerate, submit_generation, submit_training
from musicgen.runs.task_records import Task, count_active, count_ahead, get_task, list_tasks

__all__ = [
    "Output",
    "Plan",
    "Run",
    "SongChoice",
    "Task",
    "cancel",
    "cancel_waiting",
    "count_active",
    "count_ahead",
    "count_outputs",
    "count_runs",
    "delete_output",
    "delete_run",
    "each_output",
    "each_run",
    "expect_plans",
    "export_run",
    "get_output",
    "get_run",
    "get_task",
    "import_run",
    "list_outputs",
    "list_runs",
    "list_tasks",
    "pause",
    "pause_waiting",
    "paused_runs",
    "plan_training",
    "plans_come_at_once",
    "queued_runs",
    "regenerate",
    "rename_run",
    "resume",
    "state_rights",
    "submit_generation",
    "submit_training",
]
