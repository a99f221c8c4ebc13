"""The architecture that a file's metadata describes: read as the hostile input that it may be."""

import json

from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.document import from_document
from isomorph.spec.validation import check_fields


def read_architecture(text: str) -> Architecture:
    """The architecture that `text`, the JSON of `isomorph.spec.document.to_document`, describes.

    Raises BadInput unless it describes one, every field of which is of its type and in its range.
    """
    try:
        found = from_document(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"its text is not the JSON of an architecture ({type(error).__name__}: {error}).") from None
    check_fields(found, "its architecture")
    plan(found)
    return found
