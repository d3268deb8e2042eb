"""Domains that no real mail goes to."""

# RFC 2606 and RFC 6761, and what is only known on this machine
_RESERVED_TOPS = ("test", "example", "invalid", "localhost", "local")
_RESERVED_NAMES = ("example.com", "example.net", "example.org", "example.edu")


def is_reserved(domain: str) -> bool:
    """Whether a domain is reserved: nothing for it ever leaves by a real transport."""
    name = domain.lower().rstrip(".")
    return name.rpartition(".")[2] in _RESERVED_TOPS or any(
        name == reserved or name.endswith(f".{reserved}") for reserved in _RESERVED_NAMES
    )
