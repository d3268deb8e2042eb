from celery import shared_task

from crm.jobs import services


@shared_task(name="crm.jobs.run")
def run(job_id: int) -> None:
    """Do one step of a job; safe to run twice."""
    services.run_job(job_id)


@shared_task(name="crm.jobs.sweep")
def sweep() -> int:
    """Wake jobs that were forgotten."""
    return services.sweep()
