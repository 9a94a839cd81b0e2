"""What the processes of tests/processes.py have imported before they are forked. Nothing may compute here."""

import simgan

# isort: split
import matplotlib.figure  # noqa: F401

import simgan.command_line.main
import simgan.command_line.refine
import simgan.command_line.train
import simgan.command_line.turing
import simgan.engines.torch.engine
import simgan.refining.data_set
import simgan.report
import simgan.training.train
import simgan.turing.server  # noqa: F401
from simgan.engines.torch import winograd

winograd.applies(filters=16, kernel_size=3)  # compiles the kernels
