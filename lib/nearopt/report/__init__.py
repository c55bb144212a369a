"""What a notebook reports: its parameters, results, figures and data files."""

from nearopt.report.parameters import check_config, check_parameters, parameter_names
from nearopt.report.results import Results, Verdict, load

__all__ = ["Results", "Verdict", "check_config", "check_parameters", "load", "parameter_names"]
