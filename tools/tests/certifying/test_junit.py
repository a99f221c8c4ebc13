"""Certificates as JUnit XML: what becomes of each kind of result, and of text that XML cannot hold."""

from xml.etree import ElementTree

import pytest

from isomorph.tools import CaseResult, CertificateReport, CertifiedBackend
from isomorph.tools.certifying.junit import to_junit
from isomorph.tools.certifying.report import Outcome


def certificate(*results: CaseResult) -> CertificateReport:
    """One of the oracle."""
    return CertificateReport((CertifiedBackend("oracle", "NumPy 2", "cpu"),), {}, len(results), results, (), 1.0)


def result(outcome: Outcome, crashed: bool = False, message: str = "a reason", details: str = "") -> CaseResult:
    return CaseResult("oracle", "test_slim.py::test_x[a-b]", outcome, crashed, 0.25, message, details)


KINDS: dict[str, tuple[CaseResult, str, str]] = {
    "a failure": (result("failed"), "failure", "a reason"),
    "a crash": (result("failed", crashed=True), "error", "a reason"),
    "an expected failure": (result("expected"), "skipped", "expected to fail: a reason"),
    "a skip": (result("skipped"), "skipped", "a reason"),
}


@pytest.mark.parametrize(("found", "element", "message"), KINDS.values(), ids=KINDS)
def test_it_tells(found: CaseResult, element: str, message: str) -> None:
    (case,) = ElementTree.fromstring(to_junit(certificate(found))).iter("testcase")
    assert (case.get("classname"), case.get("name"), case.get("time")) == ("oracle.test_slim", "test_x[a-b]", "0.250")
    assert [(child.tag, child.get("message")) for child in case] == [(element, message)]


def test_it_counts() -> None:
    document = to_junit(certificate(result("passed"), result("failed"), result("failed", crashed=True)))
    (suite,) = ElementTree.fromstring(document).iter("testsuite")
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0", "time": "0.750"}


def test_what_xml_cannot_hold_is_replaced() -> None:
    document = to_junit(certificate(result("failed", message="a\x00b<&\x1b", details="\ud800é\n")))
    (failure,) = ElementTree.fromstring(document).iter("failure")
    assert (failure.get("message"), failure.text) == ("a?b<&?", "?é\n")
