"""Write a certificate as JUnit XML, which CI systems read: a test suite for each backend."""

import re
from xml.etree import ElementTree

from isomorph.tools.certifying.report import CaseResult, CertificateReport

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Characters that XML 1.0 cannot hold, section 2.2."""

ELEMENTS = {"failed": "failure", "crashed": "error", "expected": "skipped", "skipped": "skipped"}
"""Kind of result -> the element of its test case; an expected failure counts as skipped, as in pytest."""


def to_junit(report: CertificateReport) -> str:
    """Return the report as XML: `testsuites` with a `testsuite` for each backend and a `testcase` for each test."""
    root = ElementTree.Element("testsuites", name="isomorph conformance", time=f"{report.seconds:.3f}")
    for backend in report.backends:
        results = [result for result in report.results if result.backend == backend.name]
        kinds = [ELEMENTS.get(result.kind) for result in results]
        suite = ElementTree.SubElement(root, "testsuite", name=backend.name, tests=str(len(results)))
        for name, kind in _COUNTS.items():
            suite.set(name, str(kinds.count(kind)))
        suite.set("time", f"{sum(result.seconds for result in results):.3f}")
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (("version", backend.version), ("device", backend.device)):
            ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
        for result in results:
            _add(suite, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _add(suite: ElementTree.Element, result: CaseResult) -> None:
    module, _, name = result.test.partition(".py::")
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"{result.backend}.{module}", name=_clean(name), time=f"{result.seconds:.3f}"
    )
    if kind := ELEMENTS.get(result.kind):
        message = f"expected to fail: {result.message}" if result.kind == "expected" else result.message
        ElementTree.SubElement(case, kind, message=_clean(message)).text = _clean(result.details) or None


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
