"""One engine for questions and answers: joining, registration, pledges, surveys. Other packages use `engine`."""
