"""Networks: individuals and institutions that support the campaign together."""
