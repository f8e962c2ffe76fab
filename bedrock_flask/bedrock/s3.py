"""Addresses of S3, where the output of an asynchronous call lies.

Source: AWS user guide for S3, "General purpose bucket naming rules".
"""

# `s3://bucket/prefix`, as a pattern that JSON Schema can have as well.
URI = r"^s3://[a-z0-9][.a-z0-9-]{1,61}[a-z0-9](/.*)?$"
