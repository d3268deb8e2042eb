"""How what mailings leave behind goes in time: deliveries, opens and clicks, inbound mail. Totals are kept first."""
