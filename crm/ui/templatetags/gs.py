"""How a date, a count, a badge is written: one place."""

from django import template

register = template.Library()
