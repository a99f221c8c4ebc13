from .benching.bench import bench
from .benching.plots import write_plots
from .benching.report import BenchReport
from .certifying.certify import certify
from .certifying.diagnosed_faults import diagnose_faults
from .certifying.diagnosed_report import DiagnosedFaultsReport
from .certifying.faults import faults, list_faults
from .certifying.faults_report import CatalogueReport, FaultsReport
from .certifying.junit import to_junit
from .certifying.report import CaseResult, CertificateReport, CertifiedBackend
from .checking.check import check
from .checking.check_training import check_training
from .checking.report import BackendReport, CheckReport
from .checking.training_report import TrainedBackend, TrainingReport
from .converting.convert import convert
from .converting.report import ConvertReport
from .converting.transfer import Rounding
from .designs.compare import CompareReport, compare
from .designs.listing import ListReport, list_
from .designs.show import ShowReport, show
from .models.diagnose import diagnose
from .models.map_tensors import MapReport, map_tensors
from .models.recordings import RecordingReport, diagnose_recording
from .models.report import AgainstReport, DiagnosisReport
from .predicting.predict import predict
from .predicting.report import PredictingBackend, PredictReport
from .probing.capabilities import capabilities
from .probing.capability import Capabilities, CapabilitiesReport, Capability
from .published.fetch import FetchReport, PublishedReport, fetch, list_published
from .recording.record import write_end_points
from .recording.run import RunReport, run
from .weights.diff import DiffReport, diff
from .weights.inspect import InspectReport, inspect

__all__ = [
    "AgainstReport",
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
    "DiagnosedFaultsReport",
    "DiagnosisReport",
    "DiffReport",
    "FaultsReport",
    "FetchReport",
    "InspectReport",
    "ListReport",
    "MapReport",
    "PredictReport",
    "PredictingBackend",
    "PublishedReport",
    "RecordingReport",
    "Rounding",
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
    "diagnose",
    "diagnose_faults",
    "diagnose_recording",
    "diff",
    "faults",
    "fetch",
    "inspect",
    "list_",
    "list_faults",
    "list_published",
    "map_tensors",
    "predict",
    "run",
    "show",
    "to_junit",
    "write_end_points",
    "write_plots",
]
