"""Renders labelled eyes, a chunk of images at a time so that the work stays in the processor's cache."""

import numpy as np

from simgan.errors import DataError
from simgan.eyes.appearance import LUMA, PROCESSES, Appearance, draw_appearance
from simgan.eyes.draws import Streams
from simgan.eyes.equalise import equalise_histogram
from simgan.eyes.eyeball import draw_eyeball
from simgan.eyes.geometry import Camera
from simgan.eyes.labels import DOMAINS, LID_POINTS, Bytes, Domain, Eyes, Floats
from simgan.eyes.lids import LidField, lid_contour, lid_field, margin, opening
from simgan.eyes.scene import Scene, draw_scene
from simgan.eyes.sensor import draw_sensor, expose
from simgan.eyes.skin import draw_skin

CHUNK_PIXELS = 128 * 1024
"""Pixels rendered at once: 68 images of 35 x 55 (ours: measured, 24 to 256 thousand)."""
SMALLEST, LARGEST = 8, 2048
"""The least and the greatest side of an image, px."""


def render_eyes(
    count: int,
    *,
    seed: int = 0,
    start: int = 0,
    height: int = 35,
    width: int = 55,
    channels: int = 1,
    domain: Domain = "synthetic",
    series: Domain | None = None,
    equalise: bool = False,
) -> Eyes:
    """Renders images start .. start + count - 1 of an endless, fixed series.

    Image i depends on (seed, domain, i) and the format only, never on `count` or `start`. Both domains draw gaze,
    head pose, anatomy and framing from the same distributions, but with different random numbers: images of the two
    domains are unpaired, and differ in how they show an eye.

    Args:
        count: number of images, 0 or more.
        seed: 0 or more; names the series.
        start: index of the first image, 0 or more.
        height, width: px, 8 to 2048. The horizontal field of view is that of MPIIGaze (60 px at focal length 960 px
            and 600 mm).
        channels: 1 for grey, 3 for RGB.
        domain: "synthetic" is clean; "camera" shows the same anatomy as a cheap camera would, and its labels are for
            scoring.
        series: the domain whose random numbers to use; by default `domain`. `domain="camera", series="synthetic"`
            shows the eyes of the synthetic series as the camera would: pairs of images in which nothing moved.
        equalise: whether to equalise the histogram of every image, as MPIIGaze does.

    Raises:
        DataError: a setting is out of range.
    """
    for drawn in (domain, series or domain):
        check_settings(count, seed, start, height, width, channels, drawn)
    eyes = _empty_eyes(count, height, width, channels)
    step = max(1, CHUNK_PIXELS // (height * width))
    for first in range(0, count, step):
        rows = slice(first, min(first + step, count))
        _render_chunk(eyes, rows, Streams(seed, series or domain, start + first, rows.stop - first), domain)
        if equalise:
            eyes.images[rows] = equalise_histogram(eyes.images[rows])
    return eyes


def check_settings(count: int, seed: int, start: int, height: int, width: int, channels: int, domain: str) -> None:
    """Raises DataError for a setting of `render_eyes` that is out of range."""
    for name, value in (("count", count), ("seed", seed), ("start", start)):
        if value < 0:
            raise DataError(
                f"{name}: expected 0 or more. Received: {value}. Give a whole number that is not negative."
            )
    for name, value in (("height", height), ("width", width)):
        if not SMALLEST <= value <= LARGEST:
            way_out = "Render at another size and resize the images."
            raise DataError(f"{name}: expected {SMALLEST} to {LARGEST} px. Received: {value}. {way_out}")
    if channels not in (1, 3):
        raise DataError(f"channels: expected 1 or 3. Received: {channels}. Give 1 for grey images or 3 for RGB.")
    if domain not in DOMAINS:
        names = " or ".join(f"'{name}'" for name in DOMAINS)
        raise DataError(f"domain: expected {names}. Received: {domain!r}. Choose one of them.")


def _empty_eyes(count: int, height: int, width: int, channels: int) -> Eyes:
    """Arrays for the results, not yet filled."""
    return Eyes(
        images=np.empty((count, height, width, channels), np.uint8),
        gaze=np.empty((count, 2), np.float32),
        head_pose=np.empty((count, 2), np.float32),
        iris_centre=np.empty((count, 2), np.float32),
        pupil_centre=np.empty((count, 2), np.float32),
        lid_contour=np.empty((count, LID_POINTS, 2), np.float32),
    )


def _render_chunk(eyes: Eyes, rows: slice, streams: Streams, domain: Domain) -> None:
    """Renders images into the `rows` of `eyes`."""
    height, width, channels = eyes.images.shape[1:]
    camera = Camera(height, width)
    scene = draw_scene(streams.geometry)
    appearance = draw_appearance(streams.appearance, PROCESSES[domain])
    upper, lower = (camera.project(curve) for curve in margin(scene))
    images = _compose(camera, scene, appearance, lid_field(camera, upper, lower), upper[:, 0], channels)
    if domain == "camera":
        images = expose(images, draw_sensor(streams.appearance), streams.normal(height, width))
    eyes.images[rows] = _to_bytes(images)
    eyes.gaze[rows] = scene.gaze
    eyes.head_pose[rows] = scene.head_pose
    eyes.iris_centre[rows] = camera.project(scene.iris)
    eyes.pupil_centre[rows] = camera.project(scene.pupil)
    eyes.lid_contour[rows] = lid_contour(upper, lower)


def _compose(
    camera: Camera, scene: Scene, appearance: Appearance, lids: LidField, inner_corner: Floats, channels: int
) -> Floats:
    """The picture that reaches the sensor, float32 (N, C, H, W), 0 to about 1."""
    ball = draw_eyeball(camera, scene, appearance, lids, inner_corner)
    skin = draw_skin(camera, scene, appearance, lids)
    inside = opening(camera, lids)
    inside *= skin.transmission
    outside = skin.transmission - inside
    outside *= skin.skin
    layers = [(outside, appearance.skin)]
    for layer, colour in (
        (ball.sclera, appearance.sclera),
        (ball.flesh, appearance.flesh),
        (ball.iris, appearance.iris),
        (ball.pupil, appearance.pupil),
        (ball.glint, np.ones_like(appearance.pupil)),
    ):
        layer *= inside
        layers.append((layer, colour))
    images = np.zeros((len(inside), channels, camera.height, camera.width), np.float32)
    for layer, colour in layers:
        shown = colour if channels == 3 else (colour * LUMA).sum(axis=1, keepdims=True)
        for channel in range(channels):
            images[:, channel] += layer * shown[:, channel, None, None]
    return images


def _to_bytes(images: Floats) -> Bytes:
    """uint8 (N, H, W, C) of float32 (N, C, H, W)."""
    scaled = images * 255.0
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    return scaled.astype(np.uint8).transpose(0, 2, 3, 1)
