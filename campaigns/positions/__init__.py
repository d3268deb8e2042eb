"""What a drive asks of institutions, and where each stands on it: a ladder whose steps are kept for ever, with evidence.

Steps are only ever added. One that was wrong is marked so and stays in sight; the present position follows by trigger.
"""
