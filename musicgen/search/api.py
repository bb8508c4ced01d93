"""Everything that the pages and the command line do with searches. Light to import: no framework, no Optuna."""

from musicgen.search.orders import continue_study, delete_study, judge, settings_of, stop_study, submit_study
from musicgen.search.records import Study, Trial, get_study, list_studies, trial_of_run

__all__ = [
    "Study",
    "Trial",
    "continue_study",
    "delete_study",
    "get_study",
    "judge",
    "list_studies",
    "settings_of",
    "stop_study",
    "submit_study",
    "trial_of_run",
]
