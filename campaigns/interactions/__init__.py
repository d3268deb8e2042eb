"""Calls, meetings, letters and messages as people log them: who took part, whether it went both ways, what comes next."""
