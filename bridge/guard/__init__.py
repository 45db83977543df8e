"""The guard: a module of Synapse that refuses what the firm's rules forbid before it happens.

It imports the standard library, Synapse's module API and `bridge.firm`, so that it can be installed into Synapse's own
environment without the bridge's other dependencies.
"""
