"""`find_labels`: which labels a folder of images has."""

from __future__ import annotations

from collections.abc import Callable

from simgan.errors import DataError
from simgan.labels.class_folders import find_class_folders
from simgan.labels.coco import find_coco
from simgan.labels.contents import FolderContents
from simgan.labels.json_beside import find_json_beside
from simgan.labels.label import Found, Label
from simgan.labels.masks import find_masks
from simgan.labels.names import KIND_FOLDERS
from simgan.labels.tables import find_tables
from simgan.labels.voc import find_voc
from simgan.labels.yolo import find_yolo

_LABEL_FOLDERS = ("labels", "annotations", "Annotations", "masks", "SegmentationClass")
# If two of these functions find a label of the same name, the label of the earlier function is used.
_FINDERS: tuple[Callable[[FolderContents], Found], ...] = (
    find_tables,
    find_json_beside,
    find_masks,
    find_coco,
    find_yolo,
    find_voc,
    find_class_folders,
)


def find_labels(contents: FolderContents) -> Found:
    """The labels of a folder. Never raises: a file that cannot be used as labels becomes a note.

    Reads names and a few files.
    """
    labels: dict[str, Label] = {}
    notes: list[str] = []
    files: set[str] = set()
    unread: set[str] = set()
    for find in _FINDERS:
        try:
            found = find(contents)
        except DataError as error:
            notes.append(f"not read as labels: {str(error).removeprefix(f'{contents.root}/')}")
            continue
        new = {name: label for name, label in found.labels.items() if name not in labels}
        repeated = ", ".join(map(repr, (name for name in found.labels if name in labels)))
        notes += found.notes if new or not repeated else ()
        if repeated:
            notes.append(
                f"label(s) {repeated} were already found in other files, so this second source is not used "
                f"({'; '.join(found.notes)}); to use it, move the other files out of the folder"
            )
        labels |= new
        if new or not found.labels:
            files |= found.files
            unread |= found.unread
    if not labels and (note := _note_on_folders_beside(contents)):
        notes.append(note)
    return Found(labels, tuple(notes), frozenset(files), frozenset(unread))


def _note_on_folders_beside(contents: FolderContents) -> str:
    """A note if a folder such as 'images' has a folder such as 'labels' beside it, which is not read; else ''."""
    root = contents.root.absolute()
    if root.name.lower() not in KIND_FOLDERS:
        return ""
    beside = [root.parent / name for name in _LABEL_FOLDERS if (root.parent / name).is_dir()]
    if not beside:
        return ""
    return (
        f"no labels were found in this folder; to use those in the folder {beside[0].name!r} beside it, give the "
        f"folder that holds both: {root.parent}"
    )
