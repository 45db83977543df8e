"""Clio Manage as a source of the directory: its API (version 4) asked, its webhooks taken as hints (S2).

What is relied on is what Clio's public documentation says (docs.developers.clio.com: authorization, rate limits,
pagination, fields, and the reference of users, groups, matters and webhooks). Where that is silent, the tighter reading
holds.
"""
