"""What officers send or get in their own mail program: a secret address each, to which they BCC or forward it. It is matched to people
and institutions and logged by the log; what is not sure waits for one click. Nothing that comes in is trusted."""
