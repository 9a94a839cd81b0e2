from __future__ import annotations

import simgan.images


def test_public_names():
    assert simgan.images.__all__ == [
        "ChosenImages",
        "Crops",
        "ImageReport",
        "ImageSource",
        "ImageWriter",
        "LeftOut",
        "PixelRange",
        "ReadableImages",
        "check_values",
        "inspect_images",
        "middle_crop",
        "open_images",
        "read_all",
        "require_one_size",
        "resize",
        "write_like",
        "writer_like",
    ]
    for name in simgan.images.__all__:
        assert getattr(simgan.images, name).__module__.startswith("simgan.images.")
