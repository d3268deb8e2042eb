"""What somebody has to do by a day: tasks, their reminders, their repetition, and who takes over while somebody is away."""
