from celery import shared_task

from crm.jobs import services


@shared_task(name="crm.jobs.run")
def run(job_id: int) -> None:
    """Do one step of a job; safe to run twice."""
    services.run_job(job_id)


@shared_task(name="crm.jobs.run_long", acks_late=False, soft_time_limit=1740, time_limit=1800)
def run_long(job_id: int) -> None:
    """Do a step that is one long transaction. Acknowledged at once, so that nothing delivers it again while it runs; the sweeper
    finds the job when its worker has died."""
    services.run_job(job_id)


@shared_task(name="crm.jobs.sweep")
def sweep() -> int:
    """Wake jobs that were forgotten."""
    return services.sweep()
