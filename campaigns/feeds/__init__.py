"""Feeds of deliveries, bounces and engagement: places in the order of commits, given afterwards, so that no reader skips a row."""
