"""Lets Keras load models that were compiled with simgan's losses, once simgan is imported.

Keras finds a loss by the name under which the loss was registered, and registering it needs Keras. If simgan imported
Keras, every `simgan --help` would take three seconds longer. So the losses are registered at the moment when any code
imports Keras.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def register_with_keras() -> None:
    """Registers the losses now if Keras is already imported, else as soon as Keras is imported."""
    if "keras" in sys.modules:
        import_module("simgan.models.losses")
    else:
        sys.meta_path.insert(0, _KerasFinder())


class _KerasFinder(MetaPathFinder):
    """Finds Keras as Python itself does, and gives it a loader that registers the losses after loading Keras."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader, self)
        return spec


class _RegisteringLoader(Loader):
    def __init__(self, loader: Loader, finder: _KerasFinder) -> None:
        self._loader, self._finder = loader, finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader  # importlib.resources uses this loader
        import_module("simgan.models.losses")
