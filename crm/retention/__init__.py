"""How long things are kept: rules, the nightly run that keeps them, and what each run did."""
