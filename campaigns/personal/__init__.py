"""One e-mail to one person, from their page: a mailing of one delivery, sent by the engine with every promise that it keeps, and logged as
a contact in the same transaction. It owns no table."""
