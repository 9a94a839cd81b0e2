"""How arrays and networks are computed: the protocol that training knows, what a machine can do, and PyTorch."""
