"""The REST API's house rules: tokens, errors, paging, idempotency, ETags, limits, schema. What is served is registered by features."""
