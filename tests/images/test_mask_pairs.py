from __future__ import annotations

import pytest

from simgan.images.mask_pairs import pair_masks
from simgan.images.masks import LabelGroup


@pytest.mark.parametrize(
    ("names", "masks", "pairs"),
    [
        (["images/1.png", "images/2.jpg"], ["masks/1.png"], {0: 0}),
        (["a.png", "b.png"], ["a_mask.png", "maskB.png"], {0: 0, 1: 1}),
        (["train/images/1.png", "val/images/1.png"], ["val/masks/1.png", "train/masks/1.png"], {0: 1, 1: 0}),
        (["JPEGImages/x_01.jpg"], ["SegmentationClass/x_01.png"], {0: 0}),
        (["leftImg8bit/aachen_01_leftImg8bit.png"], ["gtFine/aachen_01_gtFine_labelIds.png"], {0: 0}),
        (["a/1.png", "b/1.png"], ["masks/1.png"], {}),  # two images of that name
        (["a/1.png"], ["masks/x/1.png", "masks/y/1.png"], {}),  # two masks of that name
    ],
)
def test_images_and_masks_are_paired_by_the_words_of_their_paths(names, masks, pairs):
    found, notes = pair_masks(names, [LabelGroup("masks/", tuple(masks))])
    assert found == {index: masks[place] for index, place in pairs.items()}
    assert notes == ()


@pytest.mark.parametrize(("where", "read"), [("depth/", False), ("normals/", False), ("normal_masks/", True)])
def test_groups_of_other_kinds_are_no_masks(where, read):
    found, _ = pair_masks(["rgb/1.png"], [LabelGroup(where, (f"{where}1.png",))])
    assert found == ({0: f"{where}1.png"} if read else {})


def test_of_several_kinds_of_masks_classes_are_preferred():
    groups = [LabelGroup(f"*{kind}*", (f"1_{kind}.png",)) for kind in ("instanceIds", "color_gt", "labelIds")]
    found, notes = pair_masks(["1.png"], groups)
    assert found == {0: "1_labelIds.png"}
    assert len(notes) == 1
    assert "color_gt" in notes[0]
