"""What Prometheus reads: `crm/metrics/registry.py` holds what is asked at each scrape, `requests.py` what is counted in between."""
