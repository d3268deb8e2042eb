"""Dated chances in countries (a budget debate, a session, an election, an anniversary), and what is to be done before them."""
