"""What a label is as a learning task: its targets, its loss, its errors, and the networks that learn it.

Training holds R to labels with it, and evaluation scores estimators. Nothing here trains.
"""
