"""How Django writes days where a page leaves it to the language: English as staff and letters write it, day first."""
