from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from filelock import FileLock

from simgan.errors import DataError, OutputError
from simgan.images import PixelRange, open_images
from simgan.refining import spool as module
from simgan.refining.spool import Spool, digest_of, remove_leftover, spool_of, spooled

DIGEST, OTHER = b"d" * 32, b"e" * 32
GROUPS = [np.random.default_rng(seed).integers(1, 256, (2, 3, 4, 1), np.uint8) for seed in range(3)]


def put_all(output: Path, error: BaseException, digest: bytes = DIGEST, groups=GROUPS) -> BaseException:
    """Spools groups until `error` ends the job; gives the error."""

    def job() -> None:
        with spooled(output, digest) as spool:
            for group in groups:
                assert spool.take(group.shape, group.dtype) is None
                spool.put(group)
            raise error

    with pytest.raises(type(error)) as caught:
        job()
    return caught.value


def taken(output: Path, digest: bytes = DIGEST, shape=(2, 3, 4, 1), dtype: str = "uint8") -> list[np.ndarray]:
    """What the next job takes."""
    found = []
    with spooled(output, digest) as spool:
        while (group := spool.take(shape, np.dtype(dtype))) is not None:
            found.append(group)
    return found


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        SystemExit(143),
        OSError(28, "No space left on device"),
        OutputError("the disk is full"),
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
    ids=repr,
)
def test_what_r_made_is_kept_where_the_same_command_may_succeed(error, tmp_path):
    output = tmp_path / "out.h5"
    assert any("the same command continues" in note for note in put_all(output, error).__notes__)
    assert [path.name for path in tmp_path.iterdir()] == [".out.h5.spool"]
    np.testing.assert_array_equal(taken(output), GROUPS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error", [DataError("image 7 is bad"), ZeroDivisionError(), RuntimeError("a mistake")], ids=repr
)
def test_what_r_made_is_dropped_after_an_error_of_the_data(error, tmp_path):
    assert not getattr(put_all(tmp_path / "out.h5", error), "__notes__", [])
    assert not list(tmp_path.iterdir())


def test_nothing_is_kept_or_promised_before_the_first_group(tmp_path):
    error = put_all(tmp_path / "out.h5", KeyboardInterrupt(), groups=[])
    assert not getattr(error, "__notes__", [])
    assert not list(tmp_path.iterdir())


def test_groups_that_were_not_taken_yet_outlive_another_interruption(tmp_path):
    output = tmp_path / "out.h5"
    put_all(output, KeyboardInterrupt())
    put_all(output, KeyboardInterrupt(), groups=[])
    np.testing.assert_array_equal(taken(output), GROUPS)


def test_what_another_job_left_is_not_taken(tmp_path):
    put_all(tmp_path / "out.h5", KeyboardInterrupt())
    with spooled(tmp_path / "out.h5", OTHER) as spool:
        assert spool.is_old
        assert spool.take(GROUPS[0].shape, GROUPS[0].dtype) is None
        spool.put(GROUPS[1])
        assert (tmp_path / ".out.h5.spool").read_bytes().startswith(OTHER)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2, 4, 3, 1), "uint8"), ((1, 3, 4, 1), "uint16"), ((2, 3, 4, 1), "int8")]
)
def test_a_group_of_another_shape_or_type_is_not_taken(shape, dtype, tmp_path):
    put_all(tmp_path / "out.h5", KeyboardInterrupt())
    assert taken(tmp_path / "out.h5", shape=shape, dtype=dtype) == []


SECOND = 32 + (16 + 24)  # where the second group begins: a digest, a checksum and 2 x 3 x 4 pixels


@pytest.mark.parametrize(
    ("start", "put"),
    [
        (SECOND, bytes(16)),
        (SECOND, bytes(40)),
        (SECOND + 16 + 5, b"\0"),
        (SECOND + 15, b"?"),
        (SECOND, None),
        (SECOND + 10, None),
        (SECOND + 39, None),
    ],
    ids=["no checksum", "zeros", "pixel", "checksum", "cut before", "cut in the checksum", "cut in the pixels"],
)
def test_a_damaged_group_and_all_after_it_are_not_taken(start, put, tmp_path):
    """`put` lies over the file at `start`; None: the file ends there."""
    output, path = tmp_path / "out.h5", tmp_path / ".out.h5.spool"
    put_all(output, KeyboardInterrupt())
    content = path.read_bytes()
    path.write_bytes(content[:start] + (b"" if put is None else put + content[start + len(put) :]))
    with spooled(output, DIGEST) as spool:
        np.testing.assert_array_equal(spool.take((2, 3, 4, 1), np.dtype("uint8")), GROUPS[0])
        for group in GROUPS[1:]:
            assert spool.take((2, 3, 4, 1), np.dtype("uint8")) is None
            spool.put(group)
        assert path.read_bytes() == content


def test_a_group_of_another_place_or_job_is_not_taken(tmp_path):
    """Blocks of the disk that were used before come back after a power cut."""
    output, path = tmp_path / "out.h5", tmp_path / ".out.h5.spool"
    put_all(output, KeyboardInterrupt())
    content = path.read_bytes()
    first, second = content[32:SECOND], content[SECOND : SECOND + 40]
    path.write_bytes(content[:32] + second + first)
    assert taken(output) == []
    path.write_bytes(OTHER + content[32:])
    assert taken(output, OTHER) == []


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 3), (1000.0, 0)])
def test_groups_are_put_on_the_disk_now_and_then(seconds, expected, tmp_path, monkeypatch):
    synced, own = [], os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor).st_size))
        own(descriptor)

    monkeypatch.setattr(module, "_SYNC_SECONDS", seconds)
    monkeypatch.setattr(os, "fsync", fsync)
    put_all(tmp_path / "out.h5", KeyboardInterrupt())
    assert synced[0][0] == tmp_path  # the name of the file, before the job leaves others beside it
    whole_groups = [(tmp_path / ".out.h5.spool", 32 + 40 * count) for count in (1, 2, 3)]
    assert synced[1:] == whole_groups[:expected]


def test_one_job_at_a_time(tmp_path, only_line):
    with spooled(tmp_path / "out.h5", DIGEST):
        with pytest.raises(DataError) as caught, spooled(tmp_path / "out.h5", DIGEST):
            pass
        assert "no other job" in only_line(str(caught.value))
        assert (tmp_path / ".out.h5.spool").exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("third_job", [True, False])
def test_a_lock_on_a_file_that_another_job_removed_does_not_count(third_job, tmp_path, monkeypatch):
    """The other job ends just after this one opened the lock file, and perhaps a third one begins."""
    path = tmp_path / ".out.h5.lock"
    third, own = FileLock(path, timeout=0), FileLock.acquire

    def acquire(self, *args, **options):
        own(self, *args, **options)
        monkeypatch.undo()
        path.unlink()
        if third_job:
            third.acquire()

    monkeypatch.setattr(FileLock, "acquire", acquire)
    if third_job:
        with pytest.raises(DataError, match="no other job"), spooled(tmp_path / "out.h5", DIGEST):
            pass
        third.release()
        return
    with spooled(tmp_path / "out.h5", DIGEST):
        assert path.exists()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error_of_the_output(only_line):
    with Path("/dev/full").open("r+b", buffering=0) as file:
        spool = Spool(file, DIGEST, is_old=False, is_continued=False)
        with pytest.raises(OutputError) as caught:
            spool.put(GROUPS[0])
    message = only_line(str(caught.value))
    assert [
        part
        for part in ("/dev/full", "the images refined so far are not lost", "free some space")
        if part not in message
    ] == []


def test_the_spool_of_an_output_that_exists_is_a_leftover(tmp_path):
    output, spool = tmp_path / "out.h5", spool_of(tmp_path / "out.h5")
    assert not remove_leftover(output)
    spool.write_bytes(b"of an interrupted job")
    assert not remove_leftover(output)  # the job can go on
    assert spool.exists()
    output.write_bytes(b"whole")
    assert remove_leftover(output)
    assert not remove_leftover(output)
    assert [path.name for path in tmp_path.iterdir()] == ["out.h5"]


def test_the_spool_of_a_job_at_work_is_no_leftover(tmp_path):
    output = tmp_path / "out.h5"
    output.write_bytes(b"to be replaced")
    with spooled(output, DIGEST):
        assert not remove_leftover(output)
        assert spool_of(output).exists()


def test_a_spool_that_cannot_be_removed_is_no_error(tmp_path):
    output = tmp_path / "out.h5"
    output.write_bytes(b"whole")
    spool_of(output).mkdir()
    assert not remove_leftover(output)


def model(units: int = 3, value: float = 0.5) -> keras.Model:
    inputs = keras.Input((2,), name="input")
    made = keras.Model(inputs, keras.layers.Dense(units, name="dense")(inputs), name="model")
    made.set_weights([np.full_like(array, value) for array in made.get_weights()])
    return made


def digest(path: Path, network: keras.Model | None = None, *way: object, **how) -> bytes:
    with open_images(path, **how) as source:
        return digest_of(source, network or model(), *way)


def test_the_digest_changes_with_the_images_the_model_and_the_way_of_computing(tmp_path):
    path = tmp_path / "in.npz"
    np.savez(path, one=GROUPS[0], other=GROUPS[1])
    status = path.stat()
    asked = [
        digest(path, key="one"),
        digest(path, key="other"),
        digest(path, key="one", pixel_range=PixelRange(0, 200)),
        digest(path, model(4), key="one"),
        digest(path, model(value=0.25), key="one"),
        digest(path, None, "bfloat16", key="one"),
        digest(path, None, "float32", 4, key="one"),
    ]
    assert digest(path, key="one") == asked[0]
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    asked.append(digest(path, key="one"))
    path.rename(tmp_path / "renamed.npz")
    asked.append(digest(tmp_path / "renamed.npz", key="one"))
    assert len(set(asked)) == len(asked)


def test_the_digest_changes_with_each_file_of_a_folder(tmp_path, write_pngs):
    folder = write_pngs(tmp_path / os.fsdecode(b"pngs\xff"), [group[0, ..., 0] for group in GROUPS])
    (folder / "002.png").rename(folder / os.fsdecode(b"\xff.png"))
    first = digest(folder)
    assert digest(folder) == first
    status = (folder / "001.png").stat()
    os.utime(folder / "001.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert digest(folder) != first
    os.utime(folder / "001.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest(folder) == first
    (folder / "001.png").rename(folder / "001b.png")
    assert digest(folder) != first


def test_a_model_that_cannot_be_described_is_equal_to_no_other(tmp_path):
    class Undescribed(keras.layers.Layer):
        def call(self, values):
            return values

        def get_config(self):
            raise NotImplementedError

    np.save(tmp_path / "in.npy", GROUPS[0])
    inputs = keras.Input((2,))
    made = keras.Model(inputs, Undescribed()(inputs))
    assert digest(tmp_path / "in.npy", made) != digest(tmp_path / "in.npy", made)
