"""`train` and `resume`: train R and D on two data sets and write a run folder."""

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from simgan.console.printing import print_line
from simgan.console.silent import SILENT
from simgan.engines.automatic import resolve
from simgan.errors import ConfigError, DataError, RunError
from simgan.files.folders import check_new, check_outside, locked, whole_folder
from simgan.framing.comparison import compare_framing
from simgan.framing.framed_images import frame_images, framed
from simgan.framing.picture import framing_picture
from simgan.images import Crops, ImageSource, PixelRange, ReadableImages, open_images
from simgan.images.notes import sample_notes
from simgan.matching import matched
from simgan.runs.run import Run, is_finished, open_recorded, read_framing_map, read_photographs, typed_range
from simgan.settings.config import TrainConfig, differences, prolongs
from simgan.settings.records import DataRecord, SourceRecord, read_run
from simgan.training.batches import digest
from simgan.training.cropping import training_sets
from simgan.training.kept_labels import CHANGED_BY_LABELS, is_default, kept_labels
from simgan.training.preparation import prepare
from simgan.training.run_folder import prolong, write_config, write_framing, write_left_out, write_photographs
from simgan.training.session import Session

# Findings that are no faults of crops, which have no common framing, and of a set whose framing training matches.
_OF_FRAMING = ("layout", "scale", "place")


def train(
    config: TrainConfig,
    synthetic: str | Path | ImageSource,
    real: str | Path | ImageSource,
    out: str | Path,
    *,
    console: Console = SILENT,
) -> Run:
    """Trains a refiner: pre-trains R, pre-trains D, then runs Algorithm 1.

    Args:
        config: every setting. Its seed also sets the global random states of Python, NumPy and Keras.
        synthetic: the synthetic images: a path that `open_images` takes, or a source that it returned.
        real: the real images, without labels; they must have as many channels as the synthetic images.
        out: the run folder. It must not exist and must lie outside the folders of the images. Once training has
            begun the folder stays, even if training fails: `resume` continues in it.
        console: prints progress, and notes on what is unusual in the images; by default nothing is printed.

    Returns:
        The finished run.

    Raises:
        DataError: images are missing, unreadable or too few, or the two sets do not fit together.
        ConfigError: a setting does not fit the images or their labels.
        RunError: `out` exists, lies within the images, or cannot be written; or the training diverged.
        EngineError: Keras does not run on PyTorch.
        KeyboardInterrupt, SystemExit: SIGINT or SIGTERM asked for a stop; a checkpoint was written after the current
            step.
    """
    folder = check_new(out)
    for source in (synthetic, real):
        check_outside(folder, source.path if isinstance(source, ImageSource) else source)
    with ExitStack() as opened:
        x, y = (
            source if isinstance(source, ImageSource) else opened.enter_context(open_images(source))
            for source in (synthetic, real)
        )
        prepared = prepare(config, x, y)
        config, size, framing_map = prepared.config, prepared.size, prepared.framing_map
        for source, flag in ((x, "--synthetic-range"), (y, "--real-range")):
            for note in sample_notes(source, flag=flag, resized_to=None if config.crop else size):
                print_line(console, note.line(source.path))
        for sentence in prepared.notes:
            print_line(console, f"note: {sentence}")
        x, y = prepared.synthetic, prepared.real
        data = DataRecord(synthetic=_record(x), real=_record(y), height=size[0], width=size[1], channels=x.channels)
        seen = matched(framed(x, framing_map), prepared.photographs, config.seed)
        session = Session(folder, config, data, seen, y, prepared.labels, console)
        session.read_ahead()
        of_x, of_y = prepared.samples
        compared = frame_images(of_x, framing_map, PixelRange(-1, 1)), of_y
        findings = compare_framing(*compared)
        if config.crop is not None or framing_map is not None:
            findings = [one for one in findings if one.severity != "warning" or one.name not in _OF_FRAMING]
        for finding in findings:
            if finding.severity == "warning":
                print_line(console, f"warning: {finding.sentence}")
        try:
            with whole_folder(folder) as partial:
                write_config(partial, config, data)
                write_left_out(partial, {"synthetic": x.left_out, "real": y.left_out})
                write_photographs(partial, prepared.photographs)
                write_framing(
                    partial, [finding.as_dict() for finding in findings], framing_picture(*compared), framing_map
                )
        except OSError as error:
            raise RunError(f"out: expected a folder that can be written, received {folder} ({error}).") from None
        with locked(folder):
            return session.run()


def resume(
    path: str | Path,
    config: TrainConfig | None = None,
    *,
    synthetic: ImageSource | None = None,
    real: ImageSource | None = None,
    console: Console = SILENT,
) -> Run:
    """Continues a training that stopped: from its newest checkpoint, or from the beginning if it has no checkpoint.

    If `config` has more steps than the run has recorded, the training is prolonged, whether it is finished or not. On
    a CPU, with the same machine and versions, the numbers are bit for bit those of a training that had this many steps
    from the start and never stopped.

    Args:
        path: the run folder.
        config: the settings; by default those that the run has recorded. They may differ from these only by more
            `steps` and in settings that the numbers do not depend on (`config.SETTINGS_FREE_TO_CHANGE`).
        synthetic: the synthetic images of the training, if they have moved since it began.
        real: the real images of the training, if they have moved since it began.
        console: prints progress; by default nothing is printed.

    Returns:
        The finished run.

    Raises:
        ConfigError: `config` differs in other settings; the message names them.
        RunError: `path` is no run folder, the training is finished and `config` has no more steps, another process
            trains in the folder, or no checkpoint can be read.
        DataError: the images are missing, or differ from those that the training began with.
        EngineError, KeyboardInterrupt, SystemExit: as `train`.
    """
    folder = Path(path)
    recorded, data = read_run(folder)
    config = _fill_auto(config or recorded, recorded)
    is_longer = _check_prolongs(folder, recorded, config)
    with ExitStack() as opened:
        opened.enter_context(locked(folder))
        if is_finished(folder) and not is_longer:
            raise RunError(
                f"run: expected a training that stopped early, received {folder}, which is finished; prolong it with "
                f"more --steps than its {recorded.steps}."
            )
        x = synthetic or opened.enter_context(open_recorded(data.synthetic))
        y = real or opened.enter_context(open_recorded(data.real))
        config, x, y, _ = training_sets(config, x, y)
        for source, record in ((x, data.synthetic), (y, data.real)):
            _check_same_data(source, record)
        config = resolve(config, (data.height, data.width), data.channels)
        labels = kept_labels(config, x, (data.height, data.width)).labels
        seen = matched(framed(x, read_framing_map(folder, config)), read_photographs(folder, config), config.seed)
        session = Session(folder, config, data, seen, y, labels, console)
        position = session.checkpoints.restore()
        if is_longer:
            if position is None and is_finished(folder):
                raise RunError(
                    f"run: expected a checkpoint from which {folder} can be prolonged, received none; train anew with "
                    "another --out."
                )
            prolong(folder, recorded.model_copy(update={"steps": config.steps}), data)
            print_line(console, f"prolonged from {recorded.steps} to {config.steps} adversarial steps")
        print_line(console, f"going on after {position}" if position else "going on from the beginning")
        session.read_ahead()
        return session.run()


def _check_prolongs(folder: Path, recorded: TrainConfig, config: TrainConfig) -> bool:
    """Whether `config` has more steps than the training in `folder`. ConfigError if other settings differ."""
    is_longer = prolongs(recorded, config)
    if not is_longer and (changed := differences(recorded, config)):
        fewer = "more --steps prolong a training, fewer cannot shorten it; " if config.steps < recorded.steps else ""
        raise ConfigError(
            f"resume: expected the settings of {folder}, received others ({'; '.join(changed)}); {fewer}leave these "
            "settings out, or train anew with another --out."
        )
    return is_longer


def _check_same_data(source: ImageSource, record: SourceRecord) -> None:
    """Raises DataError unless `source` has the images that the training began with, opened in the same range."""
    if record.digest != digest(source):
        raise DataError(
            f"data: expected the images that the training began with, received others in {source.path}; "
            "restore them, or train anew."
        )
    recorded_range = typed_range(record)
    if recorded_range is not None and source.pixel_range != recorded_range.pixel_range:
        raise DataError(
            f"data: expected pixels in {recorded_range.pixel_range}, the range of the training, received "
            f"{source.path} opened with {source.pixel_range}; open it with pixel_range= and the range of the training."
        )


def _record(source: ImageSource) -> SourceRecord:
    used = source.pixel_range
    whole = source.whole if isinstance(source, Crops) else source
    return SourceRecord(
        path=str(source.path.resolve()),
        key=source.key,
        layout=source.layout,
        range=(used.low, used.high),
        dtype=source.dtype.name,  # type: ignore[arg-type]  # pydantic validates it
        on_bad_image="skip" if isinstance(whole, ReadableImages) else "stop",
        images=source.pattern,
        channels=source.wanted_channels,  # type: ignore[arg-type]
        follow_links=source.follow_links,
        digest=digest(source),
    )


def _fill_auto(config: TrainConfig, recorded: TrainConfig) -> TrainConfig:
    """`config` with the values that the training chose: in place of every `auto`, and of default settings that labels
    which are kept have changed.

    So the settings that were given to `train` can be given to `resume` as well.
    """
    chosen = {name: getattr(recorded, name) for name, value in config if value in ("auto", ("auto",))}
    if recorded.crop is not None:
        chosen["match"] = recorded.match  # crops are not matched, whatever was asked for
    if recorded.keep_label:
        chosen |= {name: getattr(recorded, name) for name in CHANGED_BY_LABELS if is_default(config, name)}
    return config.model_copy(update=chosen)
