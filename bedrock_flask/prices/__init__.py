"""What models cost: AWS's prices as data, by AWS's own axes, and the cost of a call.

A price that is not known is None, and never 0: a sum of costs counts the unknown ones apart.
"""
