"""The engine on PyTorch, and kernels faster than PyTorch's. Imported only where Keras runs on PyTorch."""
