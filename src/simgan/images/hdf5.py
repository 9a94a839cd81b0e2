"""Opens HDF5 files: finds out which layout a file has and where in the file the images are."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import h5py

from simgan.errors import DataError
from simgan.images.arrays import IMAGE_NAMES, Member, choose, one_line
from simgan.images.hdf5_file import H5_ERRORS, encoded, has_hard, is_hard, names_in, open_member
from simgan.images.hdf5_joined import JoinedHdf5
from simgan.images.hdf5_keyed import KeyedHdf5, ScatteredHdf5
from simgan.images.hdf5_search import MAX_PLACES, GlobSearch, find_images_in, is_glob, looks_like_one_image
from simgan.images.hdf5_source import Hdf5Source
from simgan.images.hdf5_stacked import StackedHdf5
from simgan.images.masks import label_words
from simgan.images.sampling import evenly_spaced

# Largest number of groups and data sets that are opened to describe them: this many take a tenth of a second.
MAX_MEMBERS = 1000
_MORE_WAYS = "; --key '*/image' if each person's group has images; --key / if each image is a data set at the root"
_LISTED = 8


def open_hdf5(path: Path, key: str | None) -> Hdf5Source:
    """Opens the images of an HDF5 file, without calling `settle`. `key` may be a path into groups: 'train/image'.

    If `key` is a glob, '*/image', it names images in several places. If it is '/', each data set at the root is an
    image. Names are listed, but no image is read. Raises DataError if the file is unreadable or has no such images.
    """
    try:
        file = h5py.File(path, "r")
    except H5_ERRORS as error:
        if "unable to lock file" in str(error):
            raise DataError(
                f"{path}: expected a file that can be opened, received one that another program has locked; close "
                "that program, or set HDF5_USE_FILE_LOCKING=FALSE if it does not write to the file"
            ) from error
        raise DataError(
            f"{path}: expected a complete HDF5 file, received one that cannot be opened ({one_line(error)}); "
            "check that it was copied whole"
        ) from error
    try:
        return _find(file, path, key)
    except DataError:
        file.close()
        raise
    except H5_ERRORS as error:
        file.close()
        raise DataError(
            f"{path}: expected a readable HDF5 file, received a damaged file ({one_line(error)}); create it again"
        ) from error


def _find(file: h5py.File, path: Path, key: str | None) -> Hdf5Source:
    if key is None or not key.strip("/"):
        source = _at_the_root(file, path, key)
        if source is not None:
            return source
    parent, name = _inside(file, key)
    literal = name is not None and "/" not in name and parent.id.links.exists(encoded(name))
    if key is not None and is_glob(key) and not literal:
        return _at_matches(file, path, key)
    members = _members(parent, path)
    chosen = choose(members, name, str(path), _MORE_WAYS)
    others = [member.name for member in members if member.name != chosen]
    return _one_place(file, path, parent, chosen, others)


def _one_place(
    file: h5py.File, path: Path, parent: h5py.Group, name: str, others: list[str], places: int = 1
) -> Hdf5Source:
    node = open_member(parent, name, f"{path}: {name!r}")
    if isinstance(node, h5py.Group):
        return KeyedHdf5(path, file, parent, node, others)
    if not isinstance(node, h5py.Dataset):
        raise DataError(
            f"{path}: expected a group or array {name!r}, received a named data type; name the images with "
            "key= (--key)"
        )
    return StackedHdf5(path, file, parent, node, others, places)


def _at_the_root(file: h5py.File, path: Path, key: str | None) -> Hdf5Source | None:
    """The source in which each data set at the root is an image.

    None if `key` is None and the data sets at the root do not look like images.
    """
    root: h5py.Group = file["/"]
    if key is None and any(root.id.links.exists(encoded(name)) for name in IMAGE_NAMES):
        return None
    found = find_images_in(root, sure=key is not None)
    if found is None:
        if key is None:
            return None
        raise DataError(
            f"{path}: expected images among the data sets at the root, as key= (--key /) says, received none; "
            "name the group or array that holds them (--key NAME)"
        )
    labels = [name for name in found.images if label_words(name)]
    if labels and len(labels) < len(found.images):
        raise DataError(
            f"{path}: expected images alone among the data sets at the root, received {len(labels)} whose names are "
            f"those of masks or other labels, the first {labels[0]!r}; name the images alone with key= (--key "
            f"{_glob_of(list(found.images), labels)!r}), or put them into a group named 'image'"
        )
    source = KeyedHdf5(path, file, root, root, found.groups, found.images)
    source.kind += " at the root"
    if key is None:
        source.more_notes = (
            "each data set at the root is used as an image; to use other images, name them with key= (--key NAME)",
        )
    if found.rest:
        listed = _listed(found.rest)
        source.more_notes += (
            f"not used as images, because their type or shape differs, but copied unchanged: {listed}",
        )
    return source


def _glob_of(names: list[str], labels: list[str]) -> str:
    """A glob that fits `names` except `labels`, as an example for the user."""
    chosen = sorted(set(names) - set(labels))
    start, end = _common_start(chosen), _common_start([name[::-1] for name in chosen])[::-1]
    of_one_length = "?" * len(chosen[0]) if len({len(name) for name in chosen}) == 1 else ""
    for glob in (f"{start}*", f"*{end}", of_one_length):
        if is_glob(glob) and glob != "*" and not any(fnmatchcase(label, glob) for label in labels):
            return glob
    return "GLOB"


def _common_start(names: list[str]) -> str:
    first, last = min(names), max(names)
    return next(
        (first[:index] for index, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), first
    )


def _at_matches(file: h5py.File, path: Path, key: str) -> Hdf5Source:
    """The images at all paths that match the glob `key`."""
    search = GlobSearch(file, key, path)
    paths = search.paths
    if not paths:
        listed = _listed([f"{member.name} ({member.described})" for member in _members(file["/"], path)])
        raise DataError(
            f"{path}: expected groups or arrays whose path matches the key {key!r}, received none; at the root are "
            f"{listed}; name the images with key= (--key)"
        )
    single = {_is_one_image(file, paths.encoded(index)) for index in evenly_spaced(len(paths), MAX_PLACES)}
    if single == {True}:
        own_groups = not is_glob(key.rpartition("/")[2])
        source: Hdf5Source = ScatteredHdf5(path, file, file["/"], paths, own_groups=own_groups)
    elif len(paths) > MAX_PLACES or len(single) > 1:
        raise DataError(
            f"{path}: expected a key that matches single images only, or at most {MAX_PLACES} groups or arrays of "
            f"images, received {key!r}, which matches {len(paths)} paths"
            f"{', some of each kind' if len(single) > 1 else ''}; write out more of the path"
        )
    else:
        source = _joined(file, path, list(paths))
    if search.groups_without_match:
        listed = _listed(search.groups_without_match)
        source.more_notes = (f"groups in which nothing matches the key {key!r} are not used: {listed}",)
    return source


def _is_one_image(file: h5py.File, place: bytes) -> bool:
    shape = getattr(file[place], "shape", None) or ()
    return len(shape) == 2 or (len(shape) == 3 and looks_like_one_image(shape))


def _joined(file: h5py.File, path: Path, places: list[str]) -> Hdf5Source:
    names: dict[str, list[str]] = {}  # the names of the images in each group
    for place in places:
        above, _, name = place.rpartition("/")
        names.setdefault(above, []).append(name)
    parts = []
    for above, images in names.items():
        parent: h5py.Group = file[encoded(above or "/")]
        matched = set(images)
        others = [member.name for member in _members(parent, path) if member.name not in matched]
        parts += [_one_place(file, path, parent, name, others, len(places)) for name in images]
    return parts[0] if len(parts) == 1 else JoinedHdf5(path, file, file["/"], parts)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_LISTED])) + (f" and {len(names) - _LISTED} more" if names[_LISTED:] else "")


def _inside(file: h5py.File, key: str | None) -> tuple[h5py.Group, str | None]:
    """The group that contains what `key` names, and the last name of `key`.

    If there is no such group: the root, and `key` unchanged.
    """
    *above, last = (key or "").strip("/").split("/")
    root: h5py.Group = file["/"]
    parent = root
    for part in above:
        # Names are followed one by one, because HDF5 would follow a whole path through links into other files.
        if not has_hard(parent, part, h5py.Group):
            return root, key
        parent = parent[part]
    return parent, last if above else key


def _members(parent: h5py.Group, path: Path) -> list[Member]:
    if len(parent) > MAX_MEMBERS:
        raise DataError(
            f"{path}: expected at most {MAX_MEMBERS} groups and data sets in {parent.name!r}, received {len(parent)}; "
            f"put the images into a group named 'image', or name them with key= (--key NAME){_MORE_WAYS}"
        )
    # Not `parent.keys()`: h5py gives bytes for names that are not UTF-8.
    return [_member(parent, name) for name in names_in(parent)]


def _member(parent: h5py.Group, name: str) -> Member:
    if not is_hard(parent, encoded(name)):
        return Member(name, "a link", stack=False)
    node = parent[encoded(name)]
    if isinstance(node, h5py.Group):
        return Member(name, f"a group of {len(node)}", stack=False)
    shape = getattr(node, "shape", None) or ()
    return Member(name, f"{'x'.join(map(str, shape)) or 'one value'} {getattr(node, 'dtype', '')}", len(shape) >= 3)
