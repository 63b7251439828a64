"""What follows afterwards: the relay of the outbox, jobs with retries, the timetable."""
