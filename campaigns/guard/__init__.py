"""Who looks after an institution, and what holds us back from turning to it: touches, quiet dates, protocol. Asked before, not after."""
