"""Workloads without a stored key: programs that show a token (RFC 7519) of an issuer that the operator trusts."""
