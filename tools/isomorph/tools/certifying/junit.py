"""Write a certificate as JUnit XML, which CI systems read: a test suite for each backend."""

import re
from xml.etree import ElementTree

from isomorph.tools.certifying.report import CaseResult, CertificateReport

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Characters that XML 1.0 cannot hold, section 2.2."""

ELEMENTS = {"failed": "failure", "crashed": "error", "expected": "skipped", "skipped": "skipped"}
"""Kind of result -> the element of its test case; an expected failure counts as skipped, as in pytest."""


def to_junit(report: CertificateReport) -> str:
    """Return the report as XML: `testsuites` with a `testsuite` for each backend and a `testcase` for each test.

    >>> from isomorph.tools import CaseResult, CertificateReport, CertifiedBackend, to_junit
    >>> backend = CertifiedBackend("mine", "1.0", "cpu")
    >>> result = CaseResult("mine", "test_slim.py::test_a_max_pool", "passed", crashed=False, seconds=0.25)
    >>> print(to_junit(CertificateReport((backend,), {}, 1, (result,), (), seconds=0.5)))  # doctest: +ELLIPSIS
    <?xml version='1.0' encoding='...'?>
    <testsuites name="isomorph conformance" time="0.500">
      <testsuite name="mine" tests="1" failures="0" errors="0" skipped="0" time="0.250">
        <properties>
          <property name="version" value="1.0" />
          <property name="device" value="cpu" />
        </properties>
        <testcase classname="mine.test_slim" name="test_a_max_pool" time="0.250" />
      </testsuite>
    </testsuites>
    <BLANKLINE>
    """
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
