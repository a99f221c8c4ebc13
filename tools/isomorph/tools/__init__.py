"""What people run and call: every command of `isomorph` is a thin skin over a function here.

>>> from isomorph.tools import check
>>> check("slim/resnet_v1_50", backends=["pytorch", "paddle"]).agree
True
"""

from isomorph.tools.bench import bench
from isomorph.tools.benching.report import BenchReport
from isomorph.tools.capabilities import capabilities
from isomorph.tools.certificates import CaseResult, CertificateReport, CertifiedBackend
from isomorph.tools.certify import certify
from isomorph.tools.check import check
from isomorph.tools.check_training import check_training
from isomorph.tools.compare import CompareReport, compare
from isomorph.tools.conversions import ConvertReport
from isomorph.tools.convert import convert
from isomorph.tools.diff import DiffReport, diff
from isomorph.tools.faults import faults, list_faults
from isomorph.tools.faults_report import CatalogueReport, FaultsReport
from isomorph.tools.fetch import FetchReport, PublishedReport, fetch, list_published
from isomorph.tools.inspect import InspectReport, inspect
from isomorph.tools.inventory import ListReport, list_
from isomorph.tools.plotting.bench_figures import write_plots
from isomorph.tools.predict import predict
from isomorph.tools.predictions import PredictingBackend, PredictReport
from isomorph.tools.probing.capability import Capabilities, CapabilitiesReport, Capability
from isomorph.tools.reports import BackendReport, CheckReport
from isomorph.tools.run import RunReport, run
from isomorph.tools.show import ShowReport, show
from isomorph.tools.training_report import TrainedBackend, TrainingReport

__all__ = [
    "BackendReport",
    "BenchReport",
    "Capabilities",
    "CapabilitiesReport",
    "Capability",
    "CaseResult",
    "CatalogueReport",
    "CertificateReport",
    "CertifiedBackend",
    "CheckReport",
    "CompareReport",
    "ConvertReport",
    "DiffReport",
    "FaultsReport",
    "FetchReport",
    "InspectReport",
    "ListReport",
    "PredictReport",
    "PredictingBackend",
    "PublishedReport",
    "RunReport",
    "ShowReport",
    "TrainedBackend",
    "TrainingReport",
    "bench",
    "capabilities",
    "certify",
    "check",
    "check_training",
    "compare",
    "convert",
    "diff",
    "faults",
    "fetch",
    "inspect",
    "list_",
    "list_faults",
    "list_published",
    "predict",
    "run",
    "show",
    "write_plots",
]
