"""What a label is as a learning task: its targets, its loss, its errors, and the networks that learn it.

Training uses tasks to make R keep labels true, and evaluation uses them to score estimators. This package trains
nothing.
"""
