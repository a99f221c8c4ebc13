"""What people run and call: every command of `isomorph` is a thin skin over a function here.

>>> from isomorph.tools import check
>>> check("slim/resnet_v1_50", backends=["pytorch", "paddle"]).agree
True
"""

from isomorph.tools.benching.bench import bench
from isomorph.tools.benching.plots import write_plots
from isomorph.tools.benching.report import BenchReport
from isomorph.tools.certifying.certify import certify
from isomorph.tools.certifying.faults import faults, list_faults
from isomorph.tools.certifying.faults_report import CatalogueReport, FaultsReport
from isomorph.tools.certifying.report import CaseResult, CertificateReport, CertifiedBackend
from isomorph.tools.checking.check import check
from isomorph.tools.checking.check_training import check_training
from isomorph.tools.checking.report import BackendReport, CheckReport
from isomorph.tools.checking.training_report import TrainedBackend, TrainingReport
from isomorph.tools.converting.convert import convert
from isomorph.tools.converting.report import ConvertReport
from isomorph.tools.designs.compare import CompareReport, compare
from isomorph.tools.designs.listing import ListReport, list_
from isomorph.tools.designs.show import ShowReport, show
from isomorph.tools.predicting.predict import predict
from isomorph.tools.predicting.report import PredictingBackend, PredictReport
from isomorph.tools.probing.capabilities import capabilities
from isomorph.tools.probing.capability import Capabilities, CapabilitiesReport, Capability
from isomorph.tools.published.fetch import FetchReport, PublishedReport, fetch, list_published
from isomorph.tools.recording.run import RunReport, run
from isomorph.tools.weights.diff import DiffReport, diff
from isomorph.tools.weights.inspect import InspectReport, inspect

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
