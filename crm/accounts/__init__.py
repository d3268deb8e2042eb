"""Users, invitations, grants and sign-in. Owns who may do what, where; knows nothing of what is done."""
