"""Saved rules that select people or organizations now, compiled to one query; lists chosen by hand."""
