"""The engine on PyTorch, and the kernels that are faster than its own. Imported where Keras runs on PyTorch."""
