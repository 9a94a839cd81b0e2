"""Computes arrays and networks: the protocol that training uses, facts about the machine, the engine on PyTorch."""
