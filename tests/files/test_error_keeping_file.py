import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from simgan.files.error_keeping_file import ErrorKeepingFile

# A limit on the size of files fails writes as a full disk does, and needs no disk of its own.
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
from simgan.command_line.main import main
sys.exit(main(["render-eyes", sys.argv[1], "--count", "1000"]))
"""


def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "eyes.h5")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("simgan: error: path: expected room for 1000 eyes.")
    assert list(tmp_path.iterdir()) == []


def test_hdf5_reads_back_what_it_wrote(tmp_path: Path) -> None:
    values = np.arange(100_000)
    with ErrorKeepingFile(tmp_path / "file.h5", "w+b") as disk, h5py.File(disk, "w") as file:
        file["values"] = values
    assert disk.error is None
    with h5py.File(tmp_path / "file.h5") as file:
        np.testing.assert_array_equal(file["values"][()], values)


def test_after_a_failed_write_nothing_is_written_and_zeros_are_read(tmp_path: Path) -> None:
    with ErrorKeepingFile(tmp_path / "file", "w+b") as disk:
        disk.write(memoryview(b"abc"))
        disk.error = OSError("full")
        assert disk.write(memoryview(b"def")) == 3
        disk.seek(0)
        buffer = bytearray(6)
        assert disk.readinto(memoryview(buffer)) == 6
    assert buffer == b"abc\0\0\0"
    assert (tmp_path / "file").read_bytes() == b"abc"
