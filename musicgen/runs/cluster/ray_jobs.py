"""The child that speaks to Ray, over the web address of its dashboard. The only module that imports Ray."""

from __future__ import annotations

from typing import Any

from musicgen.processes import child_main

UNKNOWN = "the cluster does not know it any more"


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """`do`: submit, ask, stop or describe; the rest as `jobs.RayJobs` gives it."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(payload["address"])
    return globals()[f"_{payload['do']}"](client, payload)  # type: ignore[no-any-return]


def _submit(client: Any, payload: dict[str, Any]) -> dict[str, Any]:
    try:
        client.submit_job(
            entrypoint=payload["entrypoint"],
            submission_id=payload["name"],
            entrypoint_num_cpus=payload["cpus"],
            entrypoint_num_gpus=payload["gpus"],
        )
    except RuntimeError as error:
        if "already exists" not in str(error):  # asked before, by a process that was killed
            raise
    return {}


def _ask(client: Any, payload: dict[str, Any]) -> dict[str, Any]:
    try:
        told = client.get_job_info(payload["name"])
    except RuntimeError as error:
        if "does not exist" not in str(error) and "404" not in str(error):
            raise
        return {"status": "UNKNOWN", "message": UNKNOWN}
    return {"status": str(getattr(told.status, "value", told.status)), "message": told.message or ""}


def _stop(client: Any, payload: dict[str, Any]) -> dict[str, Any]:
    try:
        client.stop_job(payload["name"])
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    return {}


def _describe(client: Any, _payload: dict[str, Any]) -> dict[str, Any]:
    return {"words": f"Ray {client.get_version()}, {len(client.list_jobs())} jobs known"}


if __name__ == "__main__":
    child_main(answer)
