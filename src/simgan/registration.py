"""Makes `import simgan` enough for Keras to load models that were compiled with our losses.

Keras finds such a loss by the name under which it was registered, and registering needs Keras. Importing Keras along
with simgan would cost every `simgan --help` three seconds, so it happens when Keras is imported, whoever does that.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def register_with_keras() -> None:
    """Registers the losses now if Keras is loaded, else as soon as it is."""
    if "keras" in sys.modules:
        import_module("simgan.models.losses")
    else:
        sys.meta_path.insert(0, _KerasFinder())


class _KerasFinder(MetaPathFinder):
    """Finds Keras as Python does, with a loader that registers after it."""

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
            module.__spec__.loader = module.__loader__ = self._loader  # its resources are found through it
        import_module("simgan.models.losses")
